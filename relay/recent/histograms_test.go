package recent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/sketch"
)

// tasks is a node whose containers send timers, and a log of all observations.
type tasks struct {
	frame.Batch
	enc  *frame.Encoder
	r    *rand.Rand
	next uint64
	log  []sent
}

type sent struct {
	at     int64
	key    string
	value  float64
	weight float64
}

func newTasks(agent string, seed uint64, maxPayload int) *tasks {
	t := &tasks{
		enc: frame.NewEncoder(frame.EncoderOptions{KeyEvery: 7, MaxPayload: maxPayload}),
		r:   rand.New(rand.NewPCG(seed, 3)),
	}
	t.Header = frame.Header{Agent: agent, Boot: 100, Time: start, Interval: 1e9}
	t.Tables = []frame.Table{{Kind: metric.Container, Gen: 1}, {Kind: metric.App, Gen: 1}}
	group := &t.Tables[0]
	group.Rows = []*frame.Row{
		{ID: 1, Key: "/docker/" + agent, Labels: []frame.Label{{Name: "container_id", Value: "id-" + agent}}},
	}
	group.Vals = make([]int64, group.Width())
	for range 5 {
		t.add()
	}
	return t
}

// add adds a series without observations.
func (t *tasks) add() {
	t.next++
	app := &t.Tables[1]
	app.Rows = append(
		app.Rows,
		&frame.Row{
			ID:     t.next,
			Parent: t.Tables[0].Rows[0].ID,
			Key:    fmt.Sprintf("timer.%d.%d", t.Boot, t.next),
			Labels: []frame.Label{
				{Name: "tag.path", Value: fmt.Sprint("/", t.next%3)}, {Name: "type", Value: "ms"}},
		},
	)
	for range app.Width() {
		app.Vals = append(app.Vals, metric.Absent)
	}
	app.Histograms = append(app.Histograms, new(sketch.Histogram))
	app.Gen++
}

// expire removes the first series.
func (t *tasks) expire() {
	app := &t.Tables[1]
	app.Rows, app.Vals, app.Histograms = app.Rows[1:], app.Vals[app.Width():], app.Histograms[1:]
	app.Gen++
}

// rename gives every series a new row, as when the labels of its container change.
func (t *tasks) rename() {
	group, app := &t.Tables[0], &t.Tables[1]
	t.next++
	group.Rows = []*frame.Row{
		{
			ID:     t.next,
			Key:    group.Rows[0].Key,
			Labels: append([]frame.Label{{Name: "added", Value: "later"}}, group.Rows[0].Labels...),
		},
	}
	rows := make([]*frame.Row, len(app.Rows))
	for i, r := range app.Rows {
		t.next++
		row := *r
		row.ID, row.Parent = t.next, group.Rows[0].ID
		rows[i] = &row
	}
	app.Rows = rows
	app.Gen++
	group.Gen++
}

// restart begins a new run, without observations.
func (t *tasks) restart() {
	t.Boot++
	t.Seq = 0
	app := &t.Tables[1]
	for i := range app.Histograms {
		app.Histograms[i] = new(sketch.Histogram)
	}
}

// tick sends some values and returns the frames.
func (t *tasks) tick() [][]byte {
	t.Seq++
	t.Time += t.Interval
	app := &t.Tables[1]
	for i, h := range app.Histograms {
		for range t.r.IntN(4) {
			s := sent{
				t.Time,
				app.Rows[i].Key,
				math.Round(1000*math.Exp(t.r.NormFloat64())) / 16,
				float64(1 + t.r.IntN(3)),
			}
			h.Insert(s.value, s.weight)
			t.log = append(t.log, s)
		}
		app.Row(i)[metric.AppSum] = metric.FromFloat(h.Sum())
	}
	parts, err := t.enc.Encode(&t.Batch)
	if err != nil {
		panic(err)
	}
	out := make([][]byte, len(parts))
	for i := range parts {
		out[i] = bytes.Clone(parts[i])
	}
	return out
}

// truth returns histograms of what was sent in (from, to].
func (t *tasks) truth(from, to int64) map[string]*sketch.Histogram {
	m := map[string]*sketch.Histogram{}
	for _, s := range t.log {
		if s.at > from && s.at <= to {
			if m[s.key] == nil {
				m[s.key] = new(sketch.Histogram)
			}
			m[s.key].Insert(s.value, s.weight)
		}
	}
	return m
}

// histogramsOf returns the store's answer to a query, merged by series.
func histogramsOf(t testing.TB, s *Store, q query.Query) map[string]*sketch.Histogram {
	t.Helper()
	m := map[string]*sketch.Histogram{}
	err := s.Histograms(context.Background(), q, func(s *query.AppSeries, at int64, h *sketch.Histogram) error {
		if at <= q.Start || at > q.End {
			t.Fatalf("a histogram of %d, the span is %d to %d", at, q.Start, q.End)
		}
		if s.Parent == nil || s.Parent.Label("container_id") != "id-"+s.Agent {
			t.Fatalf("parent of %+v: %+v", s.Row, s.Parent)
		}
		if m[s.Row.Key] == nil {
			m[s.Row.Key] = new(sketch.Histogram)
		}
		m[s.Row.Key].Merge(h)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sameHistograms(t testing.TB, what string, got, want map[string]*sketch.Histogram) {
	t.Helper()
	for key := range got {
		if want[key] == nil {
			t.Fatalf("%s: %s observed nothing, but has count %v", what, key, got[key].Count())
		}
	}
	for key, w := range want {
		switch g := got[key]; {
		case g == nil:
			t.Fatalf("%s: %s is missing", what, key)
		case !g.Equal(w) || g.Count() != w.Count():
			t.Fatalf("%s: %s: count %v sum %v, want %v and %v", what, key, g.Count(), g.Sum(), w.Count(), w.Sum())
		}
	}
}

// The answer for a span has exactly the observations sent in it, although rows change,
// the collector restarts, ticks have several parts, and frames are lost.
func TestHistogramsAreExact(t *testing.T) {
	for name, c := range map[string]struct {
		maxPayload int
		o          Options
	}{
		"one part":    {1 << 20, Options{}},
		"many parts":  {700, Options{}},
		"on the disk": {700, Options{Dir: t.TempDir(), MemoryBytes: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Now = newClock().now
			store, err := Open(c.o)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			n := newTasks("node-1", 1, c.maxPayload)
			kept := []int64{start}
			parts := 0
			for i := 1; i <= 120; i++ {
				switch {
				case i%40 == 0:
					n.restart()
				case i%13 == 0:
					n.rename()
				case i%9 == 0:
					n.expire()
				case i%5 == 0:
					n.add()
				}
				frames := n.tick()
				parts = max(parts, len(frames))
				if i%11 == 3 && n.Key != n.Seq {
					// Lost: the next tick includes its observations, unless a series ends there.
					if next := i + 1; next%40 != 0 && next%9 != 0 {
						continue
					}
				}
				for _, f := range frames {
					if err := appendTo(store, f); err != nil {
						t.Fatal(err)
					}
				}
				kept = append(kept, n.Time)
			}
			if (parts > 1) != (c.maxPayload < 1<<20) {
				t.Fatalf("%d parts", parts)
			}
			r := rand.New(rand.NewPCG(5, 5))
			for i := range 60 {
				a, b := r.IntN(len(kept)), r.IntN(len(kept))
				from, to := min(kept[a], kept[b]), max(kept[a], kept[b])
				if i == 0 {
					from, to = start, n.Time
				}
				sameHistograms(t, fmt.Sprintf("from %d to %d s", (from-start)/1e9, (to-start)/1e9),
					histogramsOf(t, store, query.Query{Start: from, End: to}), n.truth(from, to))
			}
		})
	}
}

// Of a long span only some ticks are read, and the answer for each step is still exact.
func TestHistogramsOfLongSpan(t *testing.T) {
	store, err := Open(Options{Now: newClock().now})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n := newTasks("node-1", 2, 1<<20)
	for i := range 300 {
		if i == 150 {
			n.restart()
		}
		for _, f := range n.tick() {
			if err := appendTo(store, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	q := query.Query{Start: start + 17e9, End: n.Time - 23e9, Step: 20e9, Limit: 1 << 20}
	steps := map[int64]map[string]*sketch.Histogram{}
	before := store.Stats().Decoded
	tl := sketchQuery{
		q:        &q,
		store:    store,
		maxTicks: 40,
		histogram: func(s *query.AppSeries, at int64, h *sketch.Histogram) error {
			step := (at - q.Start - 1) / q.Step
			if steps[step] == nil {
				steps[step] = map[string]*sketch.Histogram{}
			}
			if steps[step][s.Row.Key] == nil {
				steps[step][s.Row.Key] = new(sketch.Histogram)
			}
			steps[step][s.Row.Key].Merge(h)
			return nil
		},
	}
	if err := tl.agent(t.Context(), "node-1"); err != nil {
		t.Fatal(err)
	}
	for step := range int64(13) {
		from := q.Start + step*q.Step
		sameHistograms(t, fmt.Sprintf("step %d", step), steps[step], n.truth(from, min(q.End, from+q.Step)))
	}
	if len(steps) != 13 {
		t.Errorf("%d steps", len(steps))
	}
	if d := store.Stats().Decoded - before; d > 140 { // 40 ticks and more, and their keyframes
		t.Errorf("%d frames were decoded", d)
	}
}

func TestHistogramsLimits(t *testing.T) {
	store, err := Open(Options{Now: newClock().now})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n := newTasks("node-1", 3, 1<<20)
	for range 20 {
		for _, f := range n.tick() {
			if err := appendTo(store, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := query.Query{Start: start, End: n.Time}
	only := all
	only.Match = func(_ string, row, parent *frame.Row) bool {
		return row.Label("tag.path") == "/1" && parent.Label("container_id") == "id-node-1"
	}
	for key := range histogramsOf(t, store, only) {
		if key != "timer.100.1" && key != "timer.100.4" {
			t.Errorf("%s does not match the query", key)
		}
	}
	nothing := func(*query.AppSeries, int64, *sketch.Histogram) error { return nil }
	few := all
	few.Limit = 10
	if err := store.Histograms(t.Context(), few, nothing); !errors.Is(err, query.ErrTooMany) {
		t.Errorf("past the limit: %v", err)
	}
	stop := errors.New("stop")
	refuse := func(*query.AppSeries, int64, *sketch.Histogram) error { return stop }
	if err := store.Histograms(t.Context(), all, refuse); err != stop {
		t.Errorf("an error of the caller: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Histograms(ended, all, nothing); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled query: %v", err)
	}
	other := all
	other.Agent = "node-2"
	if err := store.Histograms(t.Context(), other, nothing); !errors.Is(err, query.ErrUnknownAgent) {
		t.Errorf("an unknown agent: %v", err)
	}
}
