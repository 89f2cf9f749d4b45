package recent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/load"
)

// events returns what a query finds: agent, container and title of each event.
func (w *world) events(q query.EventQuery) []string {
	w.t.Helper()
	if q.End == 0 {
		q.End = maxTime
	}
	found, err := w.store.Events(w.t.Context(), q)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for i, e := range found {
		id := ""
		if e.Parent != nil {
			id = e.Parent.Label("container_id")
		}
		if e.Time != e.Tick-5e8 || i > 0 && e.Tick < found[i-1].Tick {
			w.t.Errorf("%s: time %d, tick %d", e.Row.Key, e.Time, e.Tick)
		}
		out = append(out, e.Agent+" "+id+" "+e.Row.Key)
	}
	return out
}

func (w *world) wantEvents(q query.EventQuery, want ...string) {
	w.t.Helper()
	if got := w.events(q); strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.t.Errorf("got  %q\nwant %q", got, want)
	}
}

// container returns the row ID of the container that was added last.
func (w *world) container() uint64 {
	rows := w.node.Batch.Table(metric.Container).Rows
	return rows[len(rows)-1].ID
}

// Events are found in memory and on disk, each once, across restarts, with their
// containers, even if those have ended.
func TestEvents(t *testing.T) {
	w := newWorld(
		t,
		Options{Dir: t.TempDir(), SegmentFor: 10 * time.Second, MemoryFor: 15 * time.Second},
		load.NodeOptions{Containers: 2, KeyEvery: 7},
	)
	var want []string
	for i := range 60 {
		if i%5 == 2 {
			for _, k := range []string{"a", "b"} {
				title := fmt.Sprint(k, i)
				w.node.Tell(w.container(), title)
				want = append(want, "node-1 node-1-c0001 "+title)
			}
		}
		w.ticks(1)
	}
	w.wantEvents(query.EventQuery{}, want...)
	w.wantEvents(query.EventQuery{Limit: 3}, want[len(want)-3:]...)
	w.wantEvents(query.EventQuery{Agent: "node-1", Start: start + 12e9, End: start + 17e9}, want[4:8]...)
	w.wantEvents(query.EventQuery{Limit: 2, Match: func(agent string, row, parent *frame.Row) bool {
		return agent == "node-1" && parent != nil && strings.HasPrefix(row.Key, "b")
	}}, want[len(want)-3], want[len(want)-1])
	w.reopen()
	w.wantEvents(query.EventQuery{}, want...)
	w.wantEvents(query.EventQuery{Start: start + 61e9})
	if _, err := w.store.Events(t.Context(), query.EventQuery{Agent: "nobody", End: maxTime}); err == nil {
		t.Error("an agent that is unknown")
	}
}

// A query decodes neither frames without events nor frames beyond the limit.
func TestEventsAreIndexed(t *testing.T) {
	w := newWorld(
		t,
		Options{Dir: t.TempDir(), SegmentFor: 10 * time.Second, MemoryFor: 15 * time.Second},
		load.NodeOptions{Containers: 2, KeyEvery: 10},
	)
	for i := range 100 {
		if i >= 5 && i < 60 {
			w.node.Tell(0, fmt.Sprint("event ", i))
		}
		w.ticks(1)
	}
	for _, reopened := range []bool{false, true} {
		before := w.stats().Decoded
		w.wantEvents(query.EventQuery{Start: start + 60e9})
		if n := w.stats().Decoded - before; n != 0 {
			t.Errorf("%d frames decoded to find nothing", n)
		}
		before = w.stats().Decoded
		w.wantEvents(query.EventQuery{Limit: 2}, "node-1  event 58", "node-1  event 59")
		if n := w.stats().Decoded - before; n > 4 {
			t.Errorf("%d frames decoded for two events", n)
		}
		if !reopened {
			w.reopen()
		}
	}
}

// A container that ended in the tick of its event, or shortly before, is still found.
func TestEventsOfEndedContainers(t *testing.T) {
	w := newWorld(t, Options{}, load.NodeOptions{Containers: 1, KeyEvery: 10})
	w.ticks(3)
	w.node.Add("short") // after the keyframe
	id := w.container()
	w.ticks(2)
	w.node.Remove()
	w.node.Tell(id, "last words")
	w.ticks(1)
	w.node.Tell(999, "nobody's")
	w.ticks(1)
	w.wantEvents(query.EventQuery{}, "node-1 short last words", "node-1  nobody's")
}

// When a delta or a keyframe is lost, only the events of the frames that cannot be
// decoded are missing.
func TestEventsWithLoss(t *testing.T) {
	w := newWorld(t, Options{}, load.NodeOptions{Containers: 1, KeyEvery: 10, MaxPayload: 4 << 10})
	var want []string
	for i := range 40 {
		title := fmt.Sprint("event ", i)
		w.node.Tell(0, title)
		parts := w.next()
		if i == 3 || i == 14 || i >= 20 && i < 30 {
			continue // lost: two deltas, and a keyframe with all its deltas
		}
		w.append(parts)
		want = append(want, "node-1  "+title)
	}
	if got := w.events(query.EventQuery{}); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// The newest events of several agents together.
func TestEventsOfManyAgents(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir(), MemoryFor: 5 * time.Second}, load.NodeOptions{})
	nodes := []*load.Node{w.node}
	for _, id := range []string{"node-0", "node-2"} {
		nodes = append(nodes, load.NewNode(load.NodeOptions{Agent: id, Boot: 7, Start: start}))
	}
	for i := range 20 {
		for k, n := range nodes {
			if i%(k+1) == 0 {
				n.Tell(0, fmt.Sprint(i))
			}
			w.append(n.Tick())
		}
		w.clock.add(time.Second)
	}
	w.wantEvents(query.EventQuery{Limit: 4}, "node-0  18", "node-1  18", "node-2  18", "node-1  19")
	if n := len(w.events(query.EventQuery{})); n != 20+10+7 {
		t.Errorf("%d events", n)
	}
}
