package collector

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/cgroups"
)

// fillRoot gives the root cgroup what the machine has as its limits of memory and
// swap, as cAdvisor does: the kernel sets none there.
func fillRoot(s *cgroups.Snapshot, tables []frame.Table) {
	if len(s.Groups) == 0 || s.Groups[0].Path != "/" {
		return
	}
	row := s.Row(0)
	for i := range tables {
		if t := &tables[i]; t.Kind == metric.Host && len(t.Rows) > 0 {
			row[metric.MemMax], row[metric.MemSwapMax] = t.Row(0)[metric.HostMemTotal], t.Row(0)[metric.HostSwapTotal]
		}
	}
}

// fillStarts shows when a runtime says that its container was started, in place of
// the start of the first process.
func (g *groupRows) fillStarts(s *cgroups.Snapshot) {
	for _, at := range g.starts {
		s.Row(at.row)[metric.Created] = at.started / 1e9
	}
}

// rowStart is when a runtime says that the container of a row was started.
type rowStart struct {
	row     int
	started int64 // Unix nanoseconds
}
