package collector

import (
	"slices"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
	"github.com/daytwo/daytwo/collector/journal/logs"
)

// groupRows holds the rows of the Container table, one for each cgroup. Rows are
// immutable: when the identity of a cgroup changes, it gets a new row. The cost of
// an update depends on how many cgroups changed, not on how many there are.
type groupRows struct {
	resolve func(path string) *containers.Identity
	forget  func(path string)
	nextID  func() uint64
	logs    *logs.Identities // is told which containers come and go; nil: nobody is

	spare  []*frame.Row      // memory that the next change of rows is built in
	rows   []*frame.Row      // one for each cgroup
	named  []*namedGroup     // named[i] is the cgroup of rows[i]
	gen    uint64            // changes whenever rows does
	byPath map[string]uint64 // cgroup path to the ID of its row
	starts []rowStart        // of the containers whose runtime reports a start

	containers    int    // number of rows that are containers
	containersGen uint64 // changes whenever the set of containers does

	seenGroups, seenNames uint64 // generations of the groups and names at the last update
	made                  bool   // update has run since the last reset
}

// namedGroup is a cgroup with its identity and its row. It does not change once it
// has a row.
type namedGroup struct {
	group    *cgroups.Group
	identity *containers.Identity
	row      *frame.Row
}

// container reports whether the cgroup is a container's.
func (n *namedGroup) container() bool { return n.identity != nil && n.identity.ContainerID != "" }

// update brings the rows up to date with the cgroups in s, and with the names if
// their generation is not that of the last update. It does nothing, and allocates
// nothing, if neither has changed.
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
	rows := g.spare[:0] // g.rows itself is still shown by the previous tick
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

// reset drops all rows: the next update makes new ones.
func (g *groupRows) reset() {
	if g.logs != nil {
		g.logs.AllWent()
	}
	g.rows, g.spare, g.named, g.byPath, g.containers, g.made = nil, nil, nil, nil, 0, false
	g.gen++
	g.containersGen++
}

// regroup replaces g.named by a list of groups, and forgets the cgroups that are
// gone. The new list differs from the old one only in the indexes from lo to before
// hi.
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
	// Cgroups that are gone are forgotten before new ones are resolved: a new cgroup
	// may have the path of one that is gone.
	for _, n := range gone {
		if known[n.group] == n {
			g.went(n)
			g.forget(n.group.Path)
		}
	}
	g.named = slices.Replace(was, lo, len(was)-end, now...)
	return lo, hi
}

// came makes the row of a cgroup, whose identity is already set, and counts it.
func (g *groupRows) came(n *namedGroup) {
	n.row = &frame.Row{ID: g.nextID(), Key: n.group.Name}
	if n.identity != nil {
		n.row.Labels = n.identity.Labels
	}
	g.byPath[n.group.Path] = n.row.ID
	if n.container() {
		g.containers++
		g.containersGen++
		g.tellLogs(n, true)
	}
}

// went removes a cgroup's row from the index and the counts.
func (g *groupRows) went(n *namedGroup) {
	if g.byPath[n.group.Path] == n.row.ID {
		delete(g.byPath, n.group.Path)
	}
	if n.container() {
		g.containers--
		g.containersGen++
		g.tellLogs(n, false)
	}
}

// tellLogs tells whoever reads logs that a container's cgroup came or went.
func (g *groupRows) tellLogs(n *namedGroup, came bool) {
	switch {
	case g.logs == nil:
	case came:
		g.logs.Came(n.group.Path, logIdentity(n.identity))
	default:
		g.logs.Went(n.group.Path)
	}
}

// table returns a frame.Table that shares the memory of rows and vals.
func table(k metric.Kind, gen uint64, rows []*frame.Row, vals []int64) frame.Table {
	return frame.Table{Kind: k, Gen: gen, Rows: rows, Vals: vals[:len(rows)*metric.Width(k)]}
}
