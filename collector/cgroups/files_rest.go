package cgroups

import (
	"fmt"

	"github.com/daytwo/daytwo/api/metric"
)

const (
	// scarceFDs is below how many descriptors a group they are scarce.
	scarceFDs = 6
	// restFor is the longest that a resting group is not read, in readings.
	restFor = 8
)

// resting tells whether group i is at rest, and then shows its last reading
// again. That is so only where descriptors are too scarce to keep the files of
// so many groups open, in a group that has not used the CPU since, and for
// which inotify reports nothing: its memory may still have been reclaimed, and
// its stalled tasks have waited on, and that shows restFor readings later at
// the latest. The one descriptor that such a group keeps tells its CPU usage.
func (f *files) resting(i int, e *entry, row []int64) bool {
	if !f.scarce || f.used < 0 || e.have&(1<<f.specs[f.used].mount) == 0 || !f.parts.Has(PartCPU) {
		return false
	}
	b, errno := f.load(e, f.used)
	if errno != 0 || f.fresh || e.last == nil || (f.tick+uint32(i))%restFor == 0 {
		return false
	}
	f.specs[f.used].parse(f, e, f.scratch, b)
	if f.scratch[metric.CPUUsage] != e.usage {
		return false
	}
	for c := range row {
		if f.parts.Has(columnParts[c]) {
			row[c] = e.last[c]
		}
	}
	return true
}

// remember keeps a full reading for resting.
func (f *files) remember(e *entry, row []int64) {
	if f.scarce {
		e.last = append(e.last[:0], row...)
	}
}

// strain says what makes the reading of a part dearer or coarser than need be,
// and what to do.
func (f *files) strain(p Part) string {
	switch {
	case f.tree == nil:
	case p == PartGroups && f.tree.unwatched > 0:
		return fmt.Sprintf("; %d directories are scanned every tick: raise fs.inotify.max_user_watches", f.tree.unwatched)
	case p != PartGroups && f.scarce:
		return fmt.Sprintf("; %d descriptors for %d groups: groups that use no CPU are read every %d ticks: raise RLIMIT_NOFILE", f.budget, len(f.ents), restFor)
	}
	return ""
}
