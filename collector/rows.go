package collector

import (
	"slices"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
)

// groupRows keeps the Container table's rows in step with the cgroups that
// there are and with what is known of them. A row whose identity changes
// becomes a new row: rows are immutable. What it costs follows what changed, not
// how many cgroups there are.
type groupRows struct {
	resolve func(path string) *containers.Identity
	forget  func(path string)
	nextID  func() uint64

	spare  []*frame.Row // rows before they last changed: readers may still be shown them
	rows   []*frame.Row
	named  []*namedGroup     // in the order of rows
	gen    uint64            // changes with rows
	byPath map[string]uint64 // ID of the row of each cgroup
	starts []rowStart        // of containers whose runtime tells

	containers    int    // rows that are containers
	containersGen uint64 // changes with them

	seenGroups, seenNames uint64 // generations that rows was made from
	made                  bool
}

// namedGroup is a cgroup with its row. It is immutable once it is listed.
type namedGroup struct {
	group    *cgroups.Group
	identity *containers.Identity
	row      *frame.Row
}

func (n *namedGroup) container() bool { return n.identity != nil && n.identity.ContainerID != "" }

// update brings rows up to date. It does nothing, and allocates nothing, while
// neither the groups nor the names changed.
func (g *groupRows) update(s *cgroups.Snapshot, names uint64) {
	if g.made && g.seenGroups == s.Gen && g.seenNames == names {
		return
	}
	renamed := !g.made || g.seenNames != names
	g.made, g.seenGroups, g.seenNames = true, s.Gen, names
	if g.byPath == nil {
		g.byPath = map[string]uint64{}
	}
	lo, hi := g.regroup(s.Groups)
	changed := lo < hi || len(g.rows) != len(g.named)
	if renamed {
		lo, hi = 0, len(g.named)
	}
	for i := lo; i < hi; i++ {
		n := g.named[i]
		switch {
		case n.row == nil:
			n.identity = g.resolve(n.group.Path)
			g.came(n)
		case renamed:
			id := g.resolve(n.group.Path)
			if id == n.identity {
				continue
			}
			g.went(n)
			n = &namedGroup{group: n.group, identity: id}
			g.named[i], changed = n, true
			g.came(n)
		}
	}
	if !changed {
		return
	}
	g.gen++
	rows := g.spare[:0] // those of the tick before are shown
	g.starts = g.starts[:0]
	for i, n := range g.named {
		rows = append(rows, n.row)
		if n.container() && n.identity.Started > 0 {
			g.starts = append(g.starts, rowStart{i, n.identity.Started})
		}
	}
	clear(rows[len(rows):cap(rows)])
	g.rows, g.spare = rows, g.rows
}

// reset forgets all rows: the next update makes new ones.
func (g *groupRows) reset() {
	g.rows, g.spare, g.named, g.byPath, g.containers, g.made = nil, nil, nil, nil, 0, false
	g.gen++
	g.containersGen++
}

// regroup lists groups anew and takes leave of what is gone. It returns between
// which indexes the list is not what it was.
func (g *groupRows) regroup(groups []*cgroups.Group) (lo, hi int) {
	was := g.named
	most := min(len(was), len(groups))
	for lo < most && was[lo].group == groups[lo] {
		lo++
	}
	end := 0
	for end < most-lo && was[len(was)-1-end].group == groups[len(groups)-1-end] {
		end++
	}
	hi = len(groups) - end
	gone := was[lo : len(was)-end]
	if lo == hi && len(gone) == 0 {
		return lo, hi
	}
	known := make(map[*cgroups.Group]*namedGroup, len(gone))
	for _, n := range gone {
		known[n.group] = n
	}
	now := make([]*namedGroup, 0, hi-lo)
	for _, group := range groups[lo:hi] {
		n := known[group]
		if n == nil {
			n = &namedGroup{group: group}
		} else {
			delete(known, group)
		}
		now = append(now, n)
	}
	// What is gone is forgotten before anything is asked: another group may have
	// its path by now.
	for _, n := range gone {
		if known[n.group] == n {
			g.went(n)
			g.forget(n.group.Path)
		}
	}
	g.named = slices.Replace(was, lo, len(was)-end, now...)
	return lo, hi
}

// came makes the row of a group whose identity is known.
func (g *groupRows) came(n *namedGroup) {
	n.row = &frame.Row{ID: g.nextID(), Key: n.group.Name}
	if n.identity != nil {
		n.row.Labels = n.identity.Labels
	}
	g.byPath[n.group.Path] = n.row.ID
	if n.container() {
		g.containers++
		g.containersGen++
	}
}

func (g *groupRows) went(n *namedGroup) {
	if g.byPath[n.group.Path] == n.row.ID {
		delete(g.byPath, n.group.Path)
	}
	if n.container() {
		g.containers--
		g.containersGen++
	}
}

// table makes a frame.Table around rows and values that live elsewhere.
func table(k metric.Kind, gen uint64, rows []*frame.Row, vals []int64) frame.Table {
	return frame.Table{Kind: k, Gen: gen, Rows: rows, Vals: vals[:len(rows)*metric.Width(k)]}
}
