package fleet

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/bench/load"
)

const start = 1_700_000_000 * int64(time.Second)

// memoryStore is a Store of real frames. It replaces relay/recent, which this package
// must not import; relay's tests run the two together.
type memoryStore struct {
	mu    sync.Mutex
	ticks map[tickID][][]byte
	heads map[tickID]frame.Header
	reads int
}

type tickID struct {
	agent     string
	boot, seq uint64
}

var errGone = errors.New("gone")

func (s *memoryStore) put(parts [][]byte) frame.Header {
	h, err := frame.Peek(parts[0])
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := tickID{h.Agent, h.Boot, h.Seq}
	s.ticks[id], s.heads[id] = parts, h
	return h
}

func (s *memoryStore) Tick(agent string, boot, seq uint64) (parts, key [][]byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	h, ok := s.heads[tickID{agent, boot, seq}]
	if !ok {
		return nil, nil, errGone
	}
	if !h.Keyframe() {
		key = s.ticks[tickID{agent, boot, h.Key}]
	}
	return s.ticks[tickID{agent, boot, seq}], key, nil
}

func (s *memoryStore) Gaps(string) uint64 { return 3 }

// world is a fleet, its store, and a clock.
type world struct {
	t     *testing.T
	store *memoryStore
	fleet *Fleet
	now   time.Time
}

func newWorld(t *testing.T, o Options) *world {
	w := &world{
		t:     t,
		now:   time.Unix(0, start),
		store: &memoryStore{ticks: map[tickID][][]byte{}, heads: map[tickID]frame.Header{}},
	}
	o.Now = func() time.Time { return w.now }
	w.fleet = New(o)
	w.fleet.ReadFrom(w.store)
	return w
}

// tick moves the clock by one interval, and reports a node's next tick to the fleet.
func (w *world) tick(n *load.Node) {
	h := w.store.put(n.Tick())
	w.now = w.now.Add(time.Duration(h.Interval))
	w.fleet.Heard(&h, w.now)
}

// shows fails unless View shows the last tick that a node made.
func (w *world) shows(n *load.Node) {
	w.t.Helper()
	err := w.fleet.View(n.Batch.Agent, func(b *frame.Batch) {
		if b.Boot != n.Batch.Boot || b.Seq != n.Batch.Seq {
			w.t.Fatalf("boot %d tick %d, want boot %d tick %d", b.Boot, b.Seq, n.Batch.Boot, n.Batch.Seq)
		}
		for i := range n.Batch.Tables {
			want := &n.Batch.Tables[i]
			got := b.Table(want.Kind)
			if got == nil || !slices.Equal(got.Vals, want.Vals) || len(got.Rows) != len(want.Rows) {
				w.t.Fatalf("%v of tick %d differ", want.Kind, b.Seq)
			}
			for j, r := range want.Rows {
				if got.Rows[j].ID != r.ID || got.Rows[j].Key != r.Key || !slices.Equal(got.Rows[j].Labels, r.Labels) {
					w.t.Fatalf("row %d of %v: %+v, want %+v", j, want.Kind, got.Rows[j], r)
				}
			}
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func simulated(agent string, o load.NodeOptions) *load.Node {
	o.Agent, o.Start = agent, start
	if o.Boot == 0 {
		o.Boot = 1
	}
	if o.Containers == 0 {
		o.Containers = 5
	}
	return load.NewNode(o)
}
