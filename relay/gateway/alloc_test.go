//go:build !race

package gateway

import (
	"context"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// endless returns the same entry again and again.
type endless struct{ e entry.Entry }

func (r *endless) Next(context.Context) (entry.Record, error) {
	r.e.Realtime++
	return entry.Record{Entry: &r.e}, nil
}

func (r *endless) Close() error { return nil }

type endlessNode struct{ Node }

func (endlessNode) Entries(context.Context, *query.LogQuery) (query.LogReader, error) {
	return &endless{entry.Entry{Cursor: "s=1;i=2", Realtime: start0}}, nil
}

// Merging allocates nothing an entry.
func TestAllocMerge(t *testing.T) {
	c := newCluster(t, 3)
	c.restart(func(o *Options) { o.Node = func(string) Node { return endlessNode{} } })
	for name, q := range map[string]*query.LogQuery{"three agents": {}, "one": {Agents: []string{"node-1"}}} {
		r, err := c.Entries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		next := func() {
			if rec, err := r.Next(t.Context()); err != nil || rec.Entry == nil || rec.Entry.Cursor == "" {
				t.Fatalf("%+v, %v", rec, err)
			}
		}
		for range 100 {
			next()
		}
		if n := testing.AllocsPerRun(2000, next); n != 0 {
			t.Errorf("%s: %v allocations an entry", name, n)
		}
		r.Close()
	}
}

func BenchmarkMerge(b *testing.B) {
	g := New(Options{Fleet: benchFleet{}, Node: func(string) Node { return endlessNode{} }})
	r, err := g.Entries(b.Context(), &query.LogQuery{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

type benchFleet struct{}

func (benchFleet) Agents() []query.Agent {
	return []query.Agent{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}}
}

func (benchFleet) Running(func(func(string) string) bool) []string { return nil }
