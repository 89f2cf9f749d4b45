package collector

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/cgroups"
)

// fillRoot sets the memory and swap limits of the root cgroup, in bytes, to the
// machine's total memory and swap, as cAdvisor does: the kernel has no limits there.
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

// fillStarts sets the creation time of containers to the start that their runtime
// reports. It replaces the start of the cgroup's first process.
func (g *groupRows) fillStarts(s *cgroups.Snapshot) {
	for _, at := range g.starts {
		s.Row(at.row)[metric.Created] = at.started / 1e9
	}
}

// rowStart is the start of one row's container, as its runtime reports it.
type rowStart struct {
	row     int   // index into the rows
	started int64 // Unix nanoseconds
}
