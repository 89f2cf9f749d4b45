package visible_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/query/visible"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// local is a fleet of one node with three containers, of which the second sends series, and
// says that they are the first one's.
func local() query.Fleet {
	b := testtick.New(3, true)
	testtick.AddSent(b,
		testtick.Sent{ID: 1, Parent: 1, Name: "hits", Type: "c", Value: 1},
		testtick.Sent{ID: 2, Parent: 2, Name: "hits", Type: "c", Value: 2, Tags: []string{"task_id", "web.0"}},
		testtick.Sent{ID: 3, Parent: 2, Name: "took", Type: "ms", Observed: []float64{1, 2}},
		testtick.Sent{ID: 4, Parent: 99, Name: "ended", Type: "c", Value: 3},
		testtick.Sent{ID: 5, Name: "unknown", Type: "c", Value: 4, Tags: []string{"task_id", "web.0"}})
	l := query.NewLocal(testtick.Agent, "node-1")
	l.Update(func(dst *frame.Batch) { query.CopyBatch(dst, b) })
	return l
}

func task(id string) visible.Filter {
	return func(_ string, r *frame.Row) bool { return r.Label("task_id") == id }
}

// rows returns the keys of the visible rows of a kind.
func rows(t *testing.T, f query.Fleet, k metric.Kind) (keys []string) {
	t.Helper()
	if err := f.View(testtick.Agent, func(b *frame.Batch) {
		table := b.Table(k)
		if table == nil {
			return
		}
		if len(table.Vals) != len(table.Rows)*table.Width() {
			t.Errorf("%v: %d values of %d rows", k, len(table.Vals), len(table.Rows))
		}
		for _, r := range table.Rows {
			keys = append(keys, r.Key)
		}
	}); err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestViewHasWhatIsVisible(t *testing.T) {
	f := visible.Fleet(local(), task("web.0"))
	if got := rows(t, f, metric.Container); !slices.Equal(got, []string{testtick.Container(0).Key}) {
		t.Errorf("containers %q", got)
	}
	if got := rows(t, f, metric.App); !slices.Equal(got, []string{"hits"}) {
		t.Errorf("series %q", got)
	}
	for _, k := range []metric.Kind{metric.Host, metric.CPU, metric.Filesystem, metric.Interface, metric.Collector} {
		if got := rows(t, f, k); len(got) > 0 {
			t.Errorf("%v: %q", k, got)
		}
	}
}

// A series stands beside its own values and histogram.
func TestViewKeepsRowsWhole(t *testing.T) {
	f := visible.Fleet(local(), task("web.1"))
	err := f.View(testtick.Agent, func(b *frame.Batch) {
		table := b.Table(metric.App)
		if len(table.Rows) != 2 || len(table.Histograms) != 2 {
			t.Fatalf("%d rows, %d histograms", len(table.Rows), len(table.Histograms))
		}
		if v := metric.ToFloat(table.Row(0)[metric.AppValue]); v != 2 || table.Histograms[0] != nil {
			t.Errorf("the counter is %v, with histogram %v", v, table.Histograms[0])
		}
		if h := table.Histograms[1]; h == nil || h.Count() != 2 {
			t.Errorf("the timer has %v", h)
		}
		if table.Gen != 0 {
			t.Error("a generation that another asker's rows have too")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestViewOfAll(t *testing.T) {
	all := local()
	f := visible.Fleet(all, func(string, *frame.Row) bool { return true })
	for _, k := range []metric.Kind{metric.Container, metric.Host, metric.ContainerIO, metric.ContainerNet} {
		if got, want := rows(t, f, k), rows(t, all, k); !slices.Equal(got, want) {
			t.Errorf("%v: %q, want %q", k, got, want)
		}
	}
	// Series of a container that is not known any more belong to nobody.
	if got := rows(t, f, metric.App); slices.Contains(got, "ended") || len(got) != 4 {
		t.Errorf("series %q", got)
	}
}

func TestAgentsCountWhatIsVisible(t *testing.T) {
	for _, c := range []struct {
		name       string
		see        visible.Filter
		containers int
	}{
		{"nothing", func(string, *frame.Row) bool { return false }, -1},
		{"one container", task("web.0"), 1},
		{"a container elsewhere", task("web.7"), -1},
		{"another agent", func(agent string, _ *frame.Row) bool { return agent == "agent-2" }, -1},
		{"the whole agent", func(agent string, _ *frame.Row) bool { return agent == testtick.Agent }, 3},
	} {
		f := visible.Fleet(local(), c.see)
		agents := f.Agents()
		err := f.View(testtick.Agent, func(*frame.Batch) {})
		if c.containers < 0 {
			if len(agents) != 0 || !errors.Is(err, query.ErrUnknownAgent) {
				t.Errorf("%s: %d agents, %v", c.name, len(agents), err)
			}
			continue
		}
		if err != nil || len(agents) != 1 || agents[0].Containers != c.containers {
			t.Errorf("%s: %+v, %v; want %d containers", c.name, agents, err, c.containers)
		}
	}
}

// An agent that has no tick yet is visible to those who see all of it, and unknown to others.
func TestAgentWithoutTick(t *testing.T) {
	l := query.NewLocal(testtick.Agent, "node-1")
	if err := visible.Fleet(l, task("web.0")).View(testtick.Agent, nil); !errors.Is(err, query.ErrUnknownAgent) {
		t.Errorf("to one who sees a task: %v", err)
	}
	all := func(string, *frame.Row) bool { return true }
	if err := visible.Fleet(l, all).View(testtick.Agent, nil); !errors.Is(err, query.ErrNoTick) {
		t.Errorf("to one who sees all: %v", err)
	}
}

// record keeps the match of the last query.
type record struct {
	query.NoHistory
	match query.Match
}

func (r *record) Query(_ context.Context, q query.Query) ([]query.Series, error) {
	r.match = q.Match
	return nil, nil
}

func (r *record) Histograms(
	_ context.Context, q query.Query, _ func(*query.AppSeries, int64, *sketch.Histogram) error,
) error {
	r.match = q.Match
	return nil
}

func (r *record) Sets(_ context.Context, q query.Query, _ func(*query.AppSeries, int64, *sketch.Set) error) error {
	r.match = q.Match
	return nil
}

func (r *record) Events(_ context.Context, q query.EventQuery) ([]query.Event, error) {
	r.match = q.Match
	return nil, nil
}

func TestHistoryMatchesWhatIsVisible(t *testing.T) {
	var all record
	h := visible.History(&all, task("web.0"))
	ctx := context.Background()
	own, other := testtick.Container(0), testtick.Container(1)
	sent := &frame.Row{ID: 9, Parent: own.ID, Key: "hits"}
	forged := &frame.Row{ID: 9, Parent: other.ID, Key: "hits", Labels: testtick.Labels("task_id", "web.0")}
	notHits := func(_ string, r, _ *frame.Row) bool { return r.Key != "hits" }
	for name, ask := range map[string]func(query.Match){
		"query":      func(m query.Match) { _, _ = h.Query(ctx, query.Query{Match: m}) },
		"histograms": func(m query.Match) { _ = h.Histograms(ctx, query.Query{Match: m}, nil) },
		"sets":       func(m query.Match) { _ = h.Sets(ctx, query.Query{Match: m}, nil) },
		"events":     func(m query.Match) { _, _ = h.Events(ctx, query.EventQuery{Match: m}) },
	} {
		for _, c := range []struct {
			what        string
			match       query.Match
			row, parent *frame.Row
			want        bool
		}{
			{"its container", nil, own, nil, true},
			{"another container", nil, other, nil, false},
			{"its series", nil, sent, own, true},
			{"its series, not asked for", notHits, sent, own, false},
			{"another's series with its tag", nil, forged, other, false},
			{"a series of an unknown container", nil, forged, nil, false},
		} {
			ask(c.match)
			if got := all.match(testtick.Agent, c.row, c.parent); got != c.want {
				t.Errorf("%s: %s: %v, want %v", name, c.what, got, c.want)
			}
		}
	}
}

// An asker who sees one of a thousand containers reads the tick no slower than one who sees all.
func BenchmarkView(b *testing.B) {
	l := query.NewLocal(testtick.Agent, "node-1")
	tick := testtick.New(10_000, true)
	l.Update(func(dst *frame.Batch) { query.CopyBatch(dst, tick) })
	for name, see := range map[string]visible.Filter{
		"all": func(string, *frame.Row) bool { return true }, "one": task("web.1"),
	} {
		f := visible.Fleet(l, see)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := f.View(testtick.Agent, func(*frame.Batch) {}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
