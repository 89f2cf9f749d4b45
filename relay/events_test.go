package relay

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// Each event is returned once and in order, by a relay that is restarted while events
// arrive and receives frames twice, and by one that is not restarted.
func TestEventsOnce(t *testing.T) {
	b := newBroker(t)
	dir := t.TempDir()
	n := newNode("node-1")
	var want []string
	published := 0
	publish := func(ticks int) {
		for range ticks {
			for range 2 {
				title := fmt.Sprint("event ", len(want))
				n.Tell(0, title)
				want = append(want, title)
			}
			f := n.Tick()
			b.publish("node-1", f...)
			if published++; published%7 == 0 {
				b.publish("node-1", f...) // again
			}
		}
	}
	titlesOf := func(r *running) []string {
		t.Helper()
		events, err := r.History().Events(t.Context(), query.EventQuery{End: 1 << 62})
		if err != nil {
			t.Fatal(err)
		}
		var titles []string
		for _, e := range events {
			titles = append(titles, e.Row.Key)
		}
		return titles
	}
	other := run(t, b, Config{})
	r := run(t, b, Config{DataDir: dir, ID: "r1", MemoryFor: 10 * time.Millisecond})
	for range 3 {
		publish(25)
		r.taken(5)
		r.stop() // somewhere in the middle
		publish(10)
		r = run(t, b, Config{DataDir: dir, ID: "r1", MemoryFor: 10 * time.Millisecond})
		publish(5)
	}
	wait(t, "all events", func() bool { return r.Stats().Ingest.Pending == 0 && len(titlesOf(r)) >= len(want) })
	if got := titlesOf(r); !slices.Equal(got, want) {
		t.Errorf("%d events, want %d: %q", len(got), len(want), got)
	}
	wait(t, "all events at the other relay", func() bool { return len(titlesOf(other)) >= len(want) })
	if got := titlesOf(other); !slices.Equal(got, want) {
		t.Errorf("%d events at the other relay, want %d", len(got), len(want))
	}
}
