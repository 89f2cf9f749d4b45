package prom

import (
	"sync"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// labelCache caches the label texts of one agent's rows, which are most of an
// exposition and change with the rows only.
type labelCache struct {
	mu    sync.Mutex
	boot  uint64
	kinds [metric.MaxKind + 1]*rowLabels
	app   *appRows
}

// rowLabels are the label texts of one table's rows. They are immutable.
type rowLabels struct {
	ids   []uint64
	short []string // without braces; hidden for rows that are left out
	long  []string // of ContainerIO: major and minor too; of Host: those of uname(2); else nil

	machine []string // of Host: those of metric.MachineLabels; else nil
}

// of returns the label texts of a table, making them if its rows are new.
func (c *labelCache) of(b *frame.Batch, t *frame.Table, agentLabel bool) *rowLabels {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sameBoot(b)
	if l := c.kinds[t.Kind]; l != nil && sameRows(l.ids, t.Rows) {
		return l
	}
	l := makeLabels(b, t, agentLabel, c.kinds[t.Kind])
	c.kinds[t.Kind] = l
	return l
}

// appOf is like of, for the table of kind App.
func (c *labelCache) appOf(b *frame.Batch, t *frame.Table, agentLabel bool) *appRows {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sameBoot(b)
	if c.app == nil || !sameRows(c.app.ids, t.Rows) {
		c.app = makeAppRows(b, t, agentLabel, c.app)
	}
	return c.app
}

// sameBoot drops the texts of another run of the collector, whose IDs are of other
// rows.
func (c *labelCache) sameBoot(b *frame.Batch) {
	if c.boot != b.Boot {
		c.boot, c.kinds, c.app = b.Boot, [metric.MaxKind + 1]*rowLabels{}, nil
	}
}

func sameRows(ids []uint64, rows []*frame.Row) bool {
	if len(ids) != len(rows) {
		return false
	}
	for i, r := range rows {
		if ids[i] != r.ID {
			return false
		}
	}
	return true
}

// makeLabels makes the texts of all rows of a table. It reuses those of before,
// which may be nil, for rows that are still there.
func makeLabels(b *frame.Batch, t *frame.Table, agentLabel bool, before *rowLabels) *rowLabels {
	l := &rowLabels{ids: make([]uint64, len(t.Rows)), short: make([]string, len(t.Rows))}
	if t.Kind == metric.ContainerIO || t.Kind == metric.Host {
		l.long = make([]string, len(t.Rows))
	}
	if t.Kind == metric.Host {
		l.machine = make([]string, len(t.Rows))
	}
	agent := ""
	if agentLabel {
		agent = b.Agent
	}
	parents := parentRows(b, t.Kind)
	known := map[uint64]int{}
	if before != nil {
		for i, id := range before.ids {
			known[id] = i
		}
	}
	seen := make(map[string]bool, len(t.Rows))
	var buf []byte
	for i, r := range t.Rows {
		l.ids[i] = r.ID
		if j, ok := known[r.ID]; ok && before.short[j] != hidden {
			l.short[i] = before.short[j]
			if l.long != nil {
				l.long[i] = before.long[j]
			}
			if l.machine != nil {
				l.machine[i] = before.machine[j]
			}
		} else {
			parent, ok := parents[r.Parent]
			if !ok && r.Parent != 0 {
				l.short[i] = hidden
				continue
			}
			buf = appendRowLabels(buf[:0], t.Kind, agent, r, parent)
			l.short[i] = string(buf)
			if l.long != nil {
				l.long[i] = string(appendLongLabels(buf, t.Kind, r))
			}
			if l.machine != nil {
				l.machine[i] = string(appendLabels([]byte(l.short[i]), r, metric.MachineLabels))
			}
		}
		if seen[l.short[i]] {
			l.short[i] = hidden
		}
		seen[l.short[i]] = true
	}
	return l
}

// parentRows returns the containers that rows of a kind belong to, by row ID.
func parentRows(b *frame.Batch, k metric.Kind) map[uint64]*frame.Row {
	switch k {
	case metric.ContainerIO, metric.ContainerHugetlb, metric.ContainerNet, metric.App, metric.Statsd:
	default:
		return nil
	}
	t := b.Table(metric.Container)
	if t == nil {
		return nil
	}
	parents := make(map[uint64]*frame.Row, len(t.Rows))
	for _, r := range t.Rows {
		parents[r.ID] = r
	}
	return parents
}
