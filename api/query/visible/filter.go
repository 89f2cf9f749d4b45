package visible

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

// Filter reports whether an asker may see what belongs to origin, a row with the origin
// tags of a container, a cgroup or another sender. A row without such tags, as those of a
// machine, its disks and interfaces, is its own origin. It must not modify the row, and
// must be safe for concurrent use.
type Filter func(agent string, origin *frame.Row) bool

// nothing is the origin of an agent as such.
var nothing frame.Row

// row reports whether a row is visible. parent is the row with ID r.Parent, nil if it is
// unknown. What a container sends says nothing of whose it is, so that only the parent
// counts; without it the row is not visible.
func (see Filter) row(agent string, r, parent *frame.Row) bool {
	switch {
	case r.Parent == 0:
		return see(agent, r)
	case parent == nil:
		return false
	}
	return see(agent, parent)
}

// match narrows a query's match to visible rows.
func (see Filter) match(m query.Match) query.Match {
	return func(agent string, r, parent *frame.Row) bool {
		return see.row(agent, r, parent) && (m == nil || m(agent, r, parent))
	}
}
