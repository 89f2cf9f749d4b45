package prom

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// appRows is the names and label texts of a table of kind App. It is immutable.
type appRows struct {
	ids        []uint64
	names      []string // AppName; "" for a row that is not exposed
	types      []string
	containers []string // labels of the agent and the container, without braces
	labels     []string // AppLabels, without braces
}

// makeAppRows makes the texts of all rows. It reuses those of before, which may be
// nil, for rows that are still there.
func makeAppRows(b *frame.Batch, t *frame.Table, agentLabel bool, before *appRows) *appRows {
	n := len(t.Rows)
	a := &appRows{make([]uint64, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)}
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
	texts := map[uint64]string{} // label texts of containers, by row ID
	var buf []byte
	for i, r := range t.Rows {
		a.ids[i] = r.ID
		if j, ok := known[r.ID]; ok && before.names[j] != "" {
			a.names[i], a.types[i], a.containers[i], a.labels[i] = before.names[j], before.types[j], before.containers[j],
				before.labels[j]
			continue
		}
		typ := r.Label("type")
		parent, ok := parents[r.Parent]
		if !ok && r.Parent != 0 || metric.AppTypeName(typ) == "" || r.Key == "" {
			continue
		}
		text, ok := texts[r.Parent]
		if !ok || parent == nil { // a sender without a row: its labels are on the series
			buf = buf[:0]
			if agent != "" {
				buf = appendLabel(buf, "agent_id", agent)
			}
			if parent != nil {
				buf = appendContainerLabels(buf, parent)
			} else {
				buf = appendOriginLabels(buf, r)
			}
			text = string(buf)
			texts[r.Parent] = text
		}
		buf = buf[:0]
		for _, l := range AppLabels(r) {
			buf = appendLabel(buf, l.Name, l.Value)
		}
		a.names[i], _ = AppName(r.Key, typ)
		a.types[i], a.containers[i], a.labels[i] = typ, text, string(buf)
	}
	return a
}
