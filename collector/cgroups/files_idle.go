package cgroups

import (
	"fmt"

	"github.com/daytwo/daytwo/api/metric"
)

const (
	// plentyFDs is how many descriptors per group suffice to read every group on
	// every tick. With fewer, idle groups are read only now and then.
	plentyFDs = 6
	// reuseFor is how many ticks an idle group's last reading is used at most.
	reuseFor = 8
)

// reuseIdle reports whether group i is idle, in which case it fills row with the
// group's last reading. It does so only when descriptors are short. A group is
// idle if it has used no CPU time since its last reading; the caller has checked
// that inotify reported no change. Two values can still change in an idle group:
// the kernel may reclaim its memory, and tasks that wait add to its pressure
// totals. These changes show after reuseFor ticks at the latest. Only the file
// with the CPU usage is read on every tick, through a descriptor held open.
func (f *files) reuseIdle(i int, e *entry, row []int64) bool {
	if !f.short || f.usageSpec < 0 || e.have&(1<<f.specs[f.usageSpec].mount) == 0 || !f.parts.Has(PartCPU) {
		return false
	}
	b, errno := f.load(e, f.usageSpec)
	if errno != 0 || f.fresh || e.last == nil || (f.tick+uint32(i))%reuseFor == 0 {
		return false
	}
	f.specs[f.usageSpec].parse(f, e, f.scratch, b)
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

// remember stores a full reading for reuseIdle.
func (f *files) remember(e *entry, row []int64) {
	if f.short {
		e.last = append(e.last[:0], row...)
	}
}

// limitNote returns which limit of the machine makes reading a part slower or
// less current than it could be, and how to raise it; "" if none does. It is
// appended to Status.Reason.
func (f *files) limitNote(p Part) string {
	switch {
	case f.tree == nil:
	case p == PartGroups && f.tree.unwatched > 0:
		return fmt.Sprintf("; %d directories are scanned every tick: raise fs.inotify.max_user_watches", f.tree.unwatched)
	case p != PartGroups && f.short:
		return fmt.Sprintf("; %d descriptors for %d groups: groups that use no CPU are read every %d ticks: raise "+
			"RLIMIT_NOFILE",
			f.budget, len(f.ents), reuseFor)
	}
	return ""
}
