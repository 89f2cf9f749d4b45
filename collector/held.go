package collector

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/bounded"
)

// heldRows holds the rows about calls that may never return (package bounded): one
// row for each source of such calls.
type heldRows struct {
	nextID func() uint64
	counts []bounded.Count
	rows   []*frame.Row
	vals   []int64
	gen    uint64
	panics uint64 // of all sources since the start
}

// table returns the table of calls for one tick.
func (h *heldRows) table(calls *bounded.Set) frame.Table {
	h.counts = calls.Counts(h.counts[:0])
	if len(h.rows) != len(h.counts) {
		h.rows = nil
		for _, c := range h.counts {
			h.rows = append(h.rows, &frame.Row{ID: h.nextID(), Key: c.Source,
				Labels: []frame.Label{{Name: "source", Value: c.Source}}})
		}
		h.vals = make([]int64, len(h.rows)*metric.Width(metric.Call))
		h.gen++
	}
	h.panics = 0
	for i, c := range h.counts {
		v := h.vals[i*metric.Width(metric.Call):]
		v[metric.CallsHeld], v[metric.CallsTimedOut], v[metric.CallsRefused] =
			int64(c.Held), int64(c.TimedOut), int64(c.Refused)
		h.panics += c.Panics
	}
	return table(metric.Call, h.gen, h.rows, h.vals)
}
