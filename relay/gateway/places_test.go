package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// placesNode is a node whose cursors have more than the name of their entry, another thing at
// each reading, and which remembers with what cursors it was asked.
type placesNode struct {
	*node
	rest func(reading int) string

	mu       sync.Mutex
	readings int
	asked    []string
	given    map[string]bool
}

func (n *placesNode) Entries(ctx context.Context, q *query.LogQuery) (query.LogReader, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.readings++
	plain := *q
	if plain.Cursor = entry.CursorID(q.Cursor); q.Cursor != "" {
		n.asked = append(n.asked, q.Cursor)
	}
	r, err := n.node.Entries(ctx, &plain)
	return &placesReader{r, n, entry.CursorRest + n.rest(n.readings)}, err
}

type placesReader struct {
	query.LogReader
	n    *placesNode
	rest string
}

func (r *placesReader) Next(ctx context.Context) (entry.Record, error) {
	rec, err := r.LogReader.Next(ctx)
	if rec.Entry != nil {
		e := rec.Entry.Clone()
		e.Cursor += r.rest
		r.n.mu.Lock()
		r.n.given[e.Cursor] = true
		r.n.mu.Unlock()
		rec.Entry = e
	}
	return rec, err
}

func (c *cluster) places(rest func(reading int) string) map[string]*placesNode {
	all := map[string]*placesNode{}
	for agent := range c.nodes {
		all[agent] = &placesNode{node: c.node(agent), rest: rest, given: map[string]bool{}}
	}
	c.restart(func(o *Options) { o.Node = func(agent string) Node { return all[agent] } })
	return all
}

// What nodes say of their sources in a cursor comes back to them, from the entry that they
// were read to; if it takes too much space, they go on at the name of that entry.
func TestResumeInSources(t *testing.T) {
	short := func(reading int) string { return fmt.Sprintf(";w=%x", reading) }
	long := func(reading int) string { return fmt.Sprintf(";w=%x%s", reading, strings.Repeat("0", maxPlaces/2)) }
	for name, rest := range map[string]func(int) string{"short": short, "long": long} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 4)
			c.fill(60, 7, true)
			nodes := c.places(rest)
			all := c.read(query.LogQuery{})
			if len(all.lines) != 60 {
				t.Fatalf("%d entries", len(all.lines))
			}
			first := map[string]map[string]bool{}
			for agent, n := range nodes {
				first[agent], n.given = n.given, map[string]bool{}
			}
			exact, other := 0, 0
			for i, cursor := range all.cursors {
				if len(cursor) > 3*maxPlaces/2 {
					t.Fatalf("a cursor of %d bytes", len(cursor))
				}
				c.same(fmt.Sprint("after line ", i), c.read(query.LogQuery{Cursor: cursor}).lines, all.lines[i+1:])
				for agent, n := range nodes {
					for _, asked := range n.asked {
						if first[agent][asked] {
							exact++
						} else {
							other++
						}
					}
					n.asked = nil
				}
			}
			if exact == 0 || name == "short" && other > 0 || name == "long" && other == 0 {
				t.Errorf("nodes were asked %d times with the cursor that they gave, %d times with another", exact, other)
			}
			// A cursor of a reading that went on at a cursor has what the others had there.
			again := c.read(query.LogQuery{Cursor: all.cursors[9], Limit: 1})
			if name == "short" && strings.Count(again.cursors[0], "~") != strings.Count(all.cursors[10], "~") {
				t.Errorf("got %s, want as many places as in %s", again.cursors[0], all.cursors[10])
			}
			back := c.read(query.LogQuery{Cursor: all.cursors[30], Reverse: true}).lines
			if slices.Reverse(back); len(back) == 0 {
				t.Error("nothing comes before a cursor")
			}
		})
	}
}
