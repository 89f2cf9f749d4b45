package collector

import (
	"sort"
	"strconv"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
)

// groupRows keeps the Container table's rows in step with the cgroups that
// there are and with what is known of them. A row whose identity changes
// becomes a new row: rows are immutable.
type groupRows struct {
	resolve func(path string) *containers.Identity
	forget  func(path string)
	nextID  func() uint64

	rows       []*frame.Row
	named      []*namedGroup // in the order of rows
	gen        uint64
	containers int

	seenGroups, seenNames uint64 // generations that rows was made from
	made                  bool
	known                 map[uint64]*namedGroup // by Group.ID
	round                 uint64
}

type namedGroup struct {
	group    *cgroups.Group
	identity *containers.Identity
	row      *frame.Row
	round    uint64
}

// update brings rows up to date. It does nothing, and allocates nothing, while
// neither the groups nor the names changed.
func (g *groupRows) update(s *cgroups.Snapshot, names uint64) {
	if g.made && g.seenGroups == s.Gen && g.seenNames == names {
		return
	}
	g.made, g.seenGroups, g.seenNames = true, s.Gen, names
	g.round++
	if g.known == nil {
		g.known = map[uint64]*namedGroup{}
	}
	for _, group := range s.Groups {
		n := g.known[group.ID]
		if n == nil {
			n = &namedGroup{group: group}
			g.known[group.ID] = n
		}
		n.round = g.round
	}
	// What is gone is forgotten first: another group may have its path by now.
	for id, n := range g.known {
		if n.round != g.round {
			delete(g.known, id)
			g.forget(n.group.Path)
		}
	}
	old := len(g.rows)
	changed := old != len(s.Groups)
	if cap(g.rows) < len(s.Groups) {
		g.rows = append(make([]*frame.Row, 0, len(s.Groups)+len(s.Groups)/4), g.rows...)
	}
	g.rows = g.rows[:len(s.Groups)]
	g.named = g.named[:0]
	g.containers = 0
	for i, group := range s.Groups {
		n := g.known[group.ID]
		if id := g.resolve(group.Path); n.row == nil || id != n.identity {
			n.identity, n.row = id, &frame.Row{ID: g.nextID(), Key: group.Name}
			if id != nil {
				n.row.Labels = id.Labels
			}
		}
		g.named = append(g.named, n)
		if n.identity != nil && n.identity.ContainerID != "" {
			g.containers++
		}
		if i >= old || g.rows[i] != n.row {
			g.rows[i], changed = n.row, true
		}
	}
	if changed {
		g.gen++
	}
}

// childKey names a row below a container's.
type childKey struct {
	parent uint64 // ID of the container's row
	a, b   int64  // numbers that tell it from its siblings
	name   string // or a name
}

// childRows keeps the rows of a kind whose rows belong to containers.
type childRows struct {
	nextID func() uint64
	rows   []*frame.Row
	gen    uint64
	known  map[childKey]*frame.Row

	seen [2]uint64
	made bool
}

// update rebuilds the rows when their set or their parents changed (gens).
// key says what row i is, labels what it is called.
func (c *childRows) update(n int, gens [2]uint64, key func(i int) childKey, labels func(i int) (string, []frame.Label)) {
	if c.made && c.seen == gens && len(c.rows) == n {
		return
	}
	c.made, c.seen = true, gens
	was := c.known
	c.known = make(map[childKey]*frame.Row, n)
	c.rows = c.rows[:0]
	for i := range n {
		k := key(i)
		row := was[k]
		if row == nil {
			name, ls := labels(i)
			sort.Slice(ls, func(i, j int) bool { return ls[i].Name < ls[j].Name })
			row = &frame.Row{ID: c.nextID(), Parent: k.parent, Key: name, Labels: ls}
		}
		c.known[k] = row
		c.rows = append(c.rows, row)
	}
	c.gen++
}

func deviceLabels(d cgroups.Device, name string) (string, []frame.Label) {
	major, minor := strconv.FormatUint(uint64(d.Major), 10), strconv.FormatUint(uint64(d.Minor), 10)
	if name == "" {
		name = major + ":" + minor
	}
	return name, []frame.Label{{Name: "device", Value: name}, {Name: "major", Value: major}, {Name: "minor", Value: minor}}
}

// pageSize names a huge page size as the kernel's file names do: 2MB, 1GB.
func pageSize(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return strconv.FormatInt(bytes>>30, 10) + "GB"
	case bytes >= 1<<20:
		return strconv.FormatInt(bytes>>20, 10) + "MB"
	}
	return strconv.FormatInt(bytes>>10, 10) + "KB"
}

// table makes a frame.Table around rows and values that live elsewhere.
func table(k metric.Kind, gen uint64, rows []*frame.Row, vals []int64) frame.Table {
	return frame.Table{Kind: k, Gen: gen, Rows: rows, Vals: vals[:len(rows)*metric.Width(k)]}
}
