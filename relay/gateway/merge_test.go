package gateway

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/query"
)

func backwards(s []string) []string {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

func (c *cluster) same(what string, got, want []string) {
	c.Helper()
	if !slices.Equal(got, want) {
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				c.Errorf("%s: %d lines, want %d; they differ from line %d on: %q, want %q",
					what, len(got), len(want), i, got[i:min(i+3, len(got))], want[min(i, len(want)):min(i+3, len(want))])
				return
			}
		}
	}
}

func TestMerge(t *testing.T) {
	for seed := range uint64(5) {
		c := newCluster(t, 1+int(seed)*2)
		c.fill(200, seed, false)
		all := c.merged()
		c.same("forward", c.read(query.LogQuery{}).lines, all)
		c.same("reverse", c.read(query.LogQuery{Reverse: true}).lines, backwards(all))
		for _, n := range []int{1, 7, 50, 200, 300} {
			m := min(n, 200)
			limit := int64(n)
			c.same("first", c.read(query.LogQuery{Limit: limit}).lines, all[:m])
			c.same("tail", c.read(query.LogQuery{Limit: limit, Tail: true}).lines, all[200-m:])
			c.same("newest", c.read(query.LogQuery{Limit: limit, Reverse: true}).lines, backwards(all)[:m])
			c.same("skip", c.read(query.LogQuery{Skip: limit}).lines, all[m:])
			c.same("skip back", c.read(query.LogQuery{Skip: -limit}).lines, all)
			c.same("skip in reverse", c.read(query.LogQuery{Skip: -limit, Reverse: true}).lines, backwards(all)[m:])
			c.same("skip forward in reverse", c.read(query.LogQuery{Skip: limit, Reverse: true}).lines, backwards(all))
			c.same("tail and skip back", c.read(query.LogQuery{Limit: limit, Tail: true, Skip: -10}).lines,
				all[max(200-m-10, 0):min(max(200-m-10, 0)+m, 200)])
		}
	}
}

// Whatever a query has returned, its last cursor continues it, in both directions, also at
// a relay that was started anew, and whatever clocks did.
func TestResume(t *testing.T) {
	for _, stepBack := range []bool{false, true} {
		c := newCluster(t, 4)
		c.fill(60, 7, stepBack)
		for _, reverse := range []bool{false, true} {
			all := c.read(query.LogQuery{Reverse: reverse})
			if len(all.lines) != 60 {
				t.Fatalf("%d entries", len(all.lines))
			}
			c.restart()
			for i := range all.lines {
				what := fmt.Sprintf("after line %d, reverse %v, clock steps back %v", i, reverse, stepBack)
				c.same(what, c.read(query.LogQuery{Reverse: reverse, Cursor: all.cursors[i]}).lines, all.lines[i+1:])
				if stepBack {
					continue
				}
				c.same("turned round "+what, c.read(query.LogQuery{Reverse: !reverse, Cursor: all.cursors[i]}).lines,
					backwards(all.lines[:i]))
				if reverse {
					continue
				}
				for _, skip := range []int{-70, -3, 2} {
					q := query.LogQuery{Cursor: all.cursors[i], Skip: int64(skip)}
					c.same(fmt.Sprint("skip ", skip, " ", what), c.read(q).lines,
						all.lines[min(max(i+1+skip, 0), 60):])
				}
			}
		}
	}
}

// L-A2: pages backwards are disjoint, and together everything.
func TestPages(t *testing.T) {
	c := newCluster(t, 3)
	c.fill(95, 3, false)
	all := c.merged()
	q := query.LogQuery{Reverse: true, Limit: 10}
	var pages []string
	for {
		g := c.read(q)
		if len(g.lines) == 0 {
			break
		}
		pages = append(pages, g.lines...)
		q.Cursor = g.cursors[len(g.cursors)-1]
	}
	c.same("pages", pages, backwards(all))
}

// L-A1: with a filter that does not match the cursor's entry, the first match after it comes.
func TestOtherFilter(t *testing.T) {
	c := newCluster(t, 2)
	for i, task := range []string{"x", "y", "x", "y", "x"} {
		c.node(fmt.Sprintf("node-%d", i%2)).Say(start0+int64(i), task, fmt.Sprint(task, i))
	}
	all := c.read(query.LogQuery{})
	g := c.read(query.LogQuery{Cursor: all.cursors[1], Tasks: []string{"x"}})
	c.same("x after y1", g.lines, []string{all.lines[2], all.lines[4]})
}

// For one agent the cursors are its own.
func TestOneAgent(t *testing.T) {
	c := newCluster(t, 3)
	c.fill(60, 1, false)
	g := c.read(query.LogQuery{Agents: []string{"node-1"}})
	if g.cursors[0] != "s=node-1;i=1" {
		t.Errorf("cursor %q", g.cursors[0])
	}
	q := query.LogQuery{Agents: []string{"host-of-node-1"}, Cursor: g.cursors[4]}
	c.same("by host name and own cursor", c.read(q).lines, g.lines[5:])
	byID := c.read(query.LogQuery{Containers: []string{"web-on-node-2"}})
	if byID.cursors[0][:9] != "s=node-2;" {
		t.Errorf("a container by its id: cursor %q", byID.cursors[0])
	}
	if _, err := c.Entries(t.Context(), &query.LogQuery{Cursor: g.cursors[4]}); !errors.Is(err, query.ErrBadCursor) {
		t.Errorf("a cursor of one agent for three: %v", err)
	}
	single := newCluster(t, 1)
	single.fill(10, 1, false)
	if g := single.read(query.LogQuery{}); g.cursors[3] != "s=node-0;i=4" {
		t.Errorf("a fleet of one: cursor %q", g.cursors[3])
	}
}
