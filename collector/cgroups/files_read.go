package cgroups

import (
	"syscall"

	"github.com/daytwo/daytwo/api/metric"
)

// readFiles reads the files of one group. written and probe are sets of
// mounts: those in which values may have been set, and those in which files
// may have come or gone.
func (f *files) readFiles(e *entry, row []int64, written, probe uint16) {
	for k := range e.io {
		e.io[k].seen = false
	}
	for k := range f.specs {
		sp, st := &f.specs[k], &e.file[k]
		bit := uint16(1) << sp.mount
		if f.parts&sp.parts == 0 || e.have&bit == 0 || e.have&sp.unless != 0 || sp.parts.Has(PartIO) && f.noIO {
			continue
		}
		if st.state == missing && probe&bit == 0 && !f.fresh {
			continue
		}
		if st.state == valid && written&bit == 0 && !f.fresh && f.unchanged(e, sp, st, row) {
			for i, c := range sp.keepCols() {
				row[c] = e.keep[sp.keep+i]
			}
			if k == f.populated && row[metric.Populated] == 0 {
				e.idle++
			}
			continue
		}
		if k == f.populated {
			e.idle = 0
		}
		if sp.list && f.empty(e, sp, row) && (!f.mayBeThreaded(sp) || st.state == valid && probe&bit == 0 && !f.fresh) {
			row[sp.cols[0]] = 0
			continue
		}
		f.readFile(e, k, row)
	}
}

// idleFor is after how many readings without a task a group counts as idle:
// the last task counts as gone a moment before it is, and its exit still uses
// time; and the kernel reports the change up to 10 ms late.
const idleFor = 3

// unchanged tells whether a file that was read still says the same.
func (f *files) unchanged(e *entry, sp *spec, st *fileState, row []int64) bool {
	switch sp.class {
	case live:
		return sp.tasks && e.idle >= idleFor
	case limit:
		return true
	case event:
		return st.fd >= 0 // the kernel reports it only while the inode is in memory
	case pool:
		return f.sizes[sp.size].empty
	case follow:
		return !e.running && (sp.mount == f.l.CPUAcct || row[metric.CPUQuota] == metric.Unlimited)
	case state:
		return e.thawed && f.tree != nil && f.tree.unwatched == 0 // else a parent may freeze unseen
	}
	return false
}

// empty tells whether a group is known to hold no task, so that its lists need
// not be read.
func (f *files) empty(e *entry, sp *spec, row []int64) bool {
	if f.l.Mounts[sp.mount].V2 {
		return row[metric.Populated] == 0
	}
	return sp.mount == f.l.Pids && row[metric.PidsCurrent] == 0
}

// mayBeThreaded reports whether a list cannot be read in a threaded cgroup, also
// if that is empty: its processes count for the domain above it.
func (f *files) mayBeThreaded(sp *spec) bool {
	return f.l.Mounts[sp.mount].V2 && sp.cols[0] == metric.Processes
}

func (f *files) readFile(e *entry, k int, row []int64) {
	sp, st := &f.specs[k], &e.file[k]
	b, errno := f.load(e, k)
	switch errno {
	case 0:
	case syscall.ENOENT, syscall.EOPNOTSUPP, syscall.EACCES, syscall.EPERM, syscall.EINVAL:
		st.state = missing
	default:
		st.state = unknown // ENODEV: the group or the file went just now
	}
	if errno != 0 {
		if sp.parts.Has(PartHugetlb) {
			f.forgetHuge(e, sp)
		}
		return
	}
	st.state = valid
	if sp.list {
		row[sp.cols[0]] = f.lines
		return
	}
	sp.parse(f, e, row, b)
	if sp.cols != nil && sp.cols[0] == metric.CPUUsage {
		e.running, e.usage = row[metric.CPUUsage] != e.usage, row[metric.CPUUsage]
	}
	for i, c := range sp.keepCols() {
		e.keep[sp.keep+i] = row[c]
	}
}
