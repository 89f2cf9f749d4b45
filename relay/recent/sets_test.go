package recent

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/sketch"
)

// sets turns the node's series into sets. Each gets other members in every minute.
func (t *tasks) sets() {
	app := &t.Tables[1]
	app.Histograms = nil
	for i, r := range app.Rows {
		row := *r
		row.Labels = []frame.Label{r.Labels[0], {Name: "type", Value: "s"}}
		app.Rows[i] = &row
		app.Sets = append(app.Sets, new(sketch.Set))
	}
}

// gather sends a tick in which each set has the members of the current minute or of the
// one before, whichever are more, as a collector does. It returns the frames.
func (t *tasks) gather(perMinute int64) [][]byte {
	app := &t.Tables[1]
	minute := (t.Time + t.Interval) / 60e9
	for i, s := range app.Sets {
		n := (t.Time + t.Interval) % 60e9 * perMinute / 60e9 // of the running minute
		before := perMinute / (1 + (minute-1)%3)             // of the one before
		from, count := 1000*(minute-1), before
		if n /= 1 + minute%3; n > before {
			from, count = 1000*minute, n
		}
		s.Reset()
		for k := range count {
			s.AddBytes(fmt.Append(nil, app.Rows[i].Key, from+k))
		}
	}
	t.Seq++
	t.Time += t.Interval
	parts, err := t.enc.Encode(&t.Batch)
	if err != nil {
		panic(err)
	}
	out := make([][]byte, len(parts))
	for i := range parts {
		out[i] = append([]byte(nil), parts[i]...)
	}
	return out
}

// setsOf returns the store's answer, by step and series.
func setsOf(t testing.TB, tl *sketchQuery) map[int64]map[string]*sketch.Set {
	t.Helper()
	m := map[int64]map[string]*sketch.Set{}
	tl.set = func(s *query.AppSeries, at int64, set *sketch.Set) error {
		if at <= tl.q.Start || at > tl.q.End || s.Parent == nil {
			t.Fatalf("a set of %d, the span is %d to %d", at, tl.q.Start, tl.q.End)
		}
		step := tl.stepOf(at)
		if m[step] == nil {
			m[step] = map[string]*sketch.Set{}
		}
		if m[step][s.Row.Key] == nil {
			m[step][s.Row.Key] = new(sketch.Set)
		}
		m[step][s.Row.Key].Merge(set)
		return nil
	}
	if err := tl.agent(t.Context(), "node-1"); err != nil {
		t.Fatal(err)
	}
	return m
}

// The answer has the members of all ticks, in memory and on disk. If only some of the
// ticks are read, it still has those of every complete minute.
func TestSetsAreComplete(t *testing.T) {
	for name, o := range map[string]Options{"in memory": {}, "on the disk": {Dir: t.TempDir(), MemoryBytes: 1}} {
		t.Run(name, func(t *testing.T) {
			o.Now = newClock().now
			store, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			n := newTasks("node-1", 1, 3000)
			n.sets()
			n.Interval = 5e9
			type tick struct {
				at   int64
				sets []*sketch.Set
			}
			var ticks []tick
			for i := range 200 {
				if i == 90 {
					n.Boot, n.Seq = n.Boot+1, 0
				}
				for _, f := range n.gather(200) {
					if err := appendTo(store, f); err != nil {
						t.Fatal(err)
					}
				}
				tk := tick{at: n.Time}
				for _, s := range n.Tables[1].Sets {
					tk.sets = append(tk.sets, s.Clone())
				}
				ticks = append(ticks, tk)
			}
			for _, q := range []query.Query{
				{Start: start, End: n.Time}, {Start: start + 33e9, End: n.Time - 71e9}, {
					Start: start + 33e9, End: n.Time - 71e9, Step: 120e9,
				},
				{Start: start, End: n.Time, Step: 10e9}, {Start: start, End: start + 5e9},
			} {
				q.Limit = 1 << 20
				all := setsOf(t, &sketchQuery{q: &q, store: store, maxTicks: 1000})
				for _, w := range ticks {
					if w.at <= q.Start || w.at > q.End {
						continue
					}
					step := (&sketchQuery{q: &q}).stepOf(w.at)
					for i, s := range w.sets {
						got := all[step][n.Tables[1].Rows[i].Key]
						if got == nil {
							t.Fatalf("step %d: %s is missing", step, n.Tables[1].Rows[i].Key)
						}
						both := got.Clone()
						both.Merge(s)
						if !both.Equal(got) {
							t.Fatalf(
								"step %d: %s has %v members, and lacks some",
								step,
								n.Tables[1].Rows[i].Key,
								got.Estimate(),
							)
						}
					}
				}
			}
			// The first tick of a minute has all members of the minute before.
			q := query.Query{Start: start + 200e9, End: n.Time, Limit: 1 << 20}
			before := store.Stats().Decoded
			some := setsOf(t, &sketchQuery{q: &q, store: store, maxTicks: 5})
			decoded := store.Stats().Decoded - before
			all := setsOf(t, &sketchQuery{q: &q, store: store, maxTicks: 1000})
			if rest := store.Stats().Decoded - before - decoded; decoded*2 > rest {
				t.Errorf("%d frames were decoded for some ticks, %d for all", decoded, rest)
			}
			for key, s := range all[0] {
				if !some[0][key].Equal(s) {
					t.Errorf("%s: %v of %v members", key, some[0][key].Estimate(), s.Estimate())
				}
			}
		})
	}
}

func TestSetsLimits(t *testing.T) {
	store, err := Open(Options{Now: newClock().now})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n := newTasks("node-1", 3, 1<<20)
	n.sets()
	for range 20 {
		for _, f := range n.gather(600) {
			if err := appendTo(store, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := query.Query{Start: start, End: n.Time}
	nothing := func(*query.AppSeries, int64, *sketch.Set) error { return nil }
	few := all
	few.Limit = 4 // each series is emitted once, and again when it changes
	if err := store.Sets(t.Context(), few, nothing); !errors.Is(err, query.ErrTooMany) {
		t.Errorf("past the limit: %v", err)
	}
	stop := errors.New("stop")
	if err := store.Sets(t.Context(), all, func(*query.AppSeries, int64, *sketch.Set) error { return stop }); err != stop {
		t.Errorf("an error of the caller: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Sets(ended, all, nothing); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled query: %v", err)
	}
	other := all
	other.Agent = "node-2"
	if err := store.Sets(t.Context(), other, nothing); !errors.Is(err, query.ErrUnknownAgent) {
		t.Errorf("an unknown agent: %v", err)
	}
	tl := sketchQuery{q: &all, store: store, set: nothing, maxTicks: 1000, read: maxSetTicks - 19}
	if err := tl.agent(t.Context(), "node-1"); !errors.Is(err, query.ErrTooLong) {
		t.Errorf("too many ticks: %v", err)
	}
	histograms := 0
	count := func(*query.AppSeries, int64, *sketch.Histogram) error { histograms++; return nil }
	if err := store.Histograms(t.Context(), all, count); err != nil ||
		histograms > 0 {
		t.Errorf("%d histograms of sets, %v", histograms, err)
	}
}
