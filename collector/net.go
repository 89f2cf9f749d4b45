package collector

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/containers"
)

// netRows holds the rows of the network interfaces of containers.
type netRows struct {
	childRows
	reader *containers.NetReader
	groups func(yield func(path string, id *containers.Identity) bool) // created once: creating it allocates
}

func newNetRows(groups *groupRows, nextID func() uint64) *netRows {
	return &netRows{
		childRows: childRows{nextID: nextID},
		reader:    containers.NewNetReader(""),
		groups: func(yield func(path string, id *containers.Identity) bool) {
			for _, g := range groups.named {
				if g.identity != nil && !yield(g.group.Path, g.identity) {
					return
				}
			}
		},
	}
}

// table returns the table of the interfaces in t, whose parents are the rows of g.
func (n *netRows) table(t *containers.NetTable, g *groupRows) frame.Table {
	n.update(len(t.Rows), [2]uint64{t.Gen, g.gen},
		func(i int) childKey {
			return childKey{parent: g.byPath[t.Rows[i].Path], name: t.Rows[i].Interface}
		},
		func(i int) (string, []frame.Label) {
			return t.Rows[i].Interface, []frame.Label{{Name: "interface", Value: t.Rows[i].Interface}}
		})
	return table(metric.ContainerNet, n.gen, n.rows, t.Vals)
}
