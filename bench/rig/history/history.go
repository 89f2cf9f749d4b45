package history

import (
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/relay/fleet"
	"github.com/daytwo/daytwo/relay/recent"
)

// History is the fleet and the history of the ticks that Put was given.
type History struct {
	t     testing.TB
	Fleet *fleet.Fleet
	Store *recent.Store
	enc   *frame.Encoder
}

// New returns an empty history, which ends with the test.
func New(t testing.TB) *History {
	h := &History{t: t, Fleet: fleet.New(fleet.Options{}), enc: frame.NewEncoder(frame.EncoderOptions{KeyEvery: 1})}
	var err error
	if h.Store, err = recent.Open(recent.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Store.Close() })
	h.Fleet.ReadFrom(h.Store)
	return h
}

// Put adds an agent's next tick, as if it came now. Its rows must be as
// frame.Row demands.
func (h *History) Put(b *frame.Batch) {
	h.t.Helper()
	h.PutAt(b, time.Now())
}

// PutAt adds an agent's next tick, as if it came at a time.
func (h *History) PutAt(b *frame.Batch, received time.Time) {
	h.t.Helper()
	parts, err := h.enc.Encode(b)
	if err != nil {
		h.t.Fatal(err)
	}
	if n := h.enc.Repaired(); n > 0 {
		h.t.Fatalf("%d rows have labels that are unsorted, empty or too large", n)
	}
	for _, part := range parts {
		head, err := frame.Peek(part)
		if err != nil {
			h.t.Fatal(err)
		}
		whole, err := h.Store.Append(&head, slices.Clone(part), nil)
		if err != nil {
			h.t.Fatal(err)
		}
		if whole {
			h.Fleet.Heard(&head, received)
		}
	}
}
