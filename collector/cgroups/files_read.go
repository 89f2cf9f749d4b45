package cgroups

import (
	"syscall"

	"github.com/daytwo/daytwo/api/metric"
)

// readFiles reads the files of one group into row and e. written is the set of
// mounts in which a file may have been written; probe is the set of mounts in which
// files may have been added or removed.
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
			for i, c := range sp.cachedCols() {
				row[c] = e.cache[sp.cacheAt+i]
			}
			if k == f.eventsSpec && row[metric.Populated] == 0 {
				e.unpopulated++
			}
			continue
		}
		if k == f.eventsSpec {
			e.unpopulated = 0
		}
		if sp.list && f.empty(e, sp, row) && (!f.mayBeThreaded(sp) || st.state == valid && probe&bit == 0 && !f.fresh) {
			row[sp.cols[0]] = 0
			continue
		}
		f.readFile(e, k, row)
	}
}

// unpopulatedFor is how many consecutive readings a group must be without a task
// until its files are taken to be unchanged. The kernel counts the last task as gone
// shortly before the end of its exit, which still uses CPU time. It also reports
// the change to cgroup.events up to 10 ms late.
const unpopulatedFor = 3

// unchanged reports whether a file still has the values that are in entry.cache.
func (f *files) unchanged(e *entry, sp *spec, st *fileState, row []int64) bool {
	switch sp.class {
	case live:
		return sp.tasks && e.unpopulated >= unpopulatedFor
	case limit:
		return true
	case event:
		return st.fd >= 0 // the kernel reports changes only while the inode is in memory
	case pool:
		return f.sizes[sp.size].empty
	case follow:
		return !e.running && (sp.mount == f.l.CPUAcct || row[metric.CPUQuota] == metric.Unlimited)
	case state:
		return e.thawed && f.tree != nil && f.tree.unwatched == 0 // else a freeze of an ancestor may go unnoticed
	}
	return false
}

// empty reports whether other files have shown that a group holds no task, so that
// its lists need not be read.
func (f *files) empty(e *entry, sp *spec, row []int64) bool {
	if f.l.Mounts[sp.mount].V2 {
		return row[metric.Populated] == 0
	}
	return sp.mount == f.l.Pids && row[metric.PidsCurrent] == 0
}

// mayBeThreaded reports whether a list is v2's cgroup.procs, which cannot be read in
// a threaded cgroup, even if that has no tasks: the kernel lists the processes in
// the threaded domain above it.
func (f *files) mayBeThreaded(sp *spec) bool {
	return f.l.Mounts[sp.mount].V2 && sp.cols[0] == metric.Processes
}

// readFile reads file k of a group into row and e, and sets the file's state.
func (f *files) readFile(e *entry, k int, row []int64) {
	sp, st := &f.specs[k], &e.file[k]
	b, errno := f.load(e, k)
	switch errno {
	case 0:
	case syscall.ENOENT, syscall.EOPNOTSUPP, syscall.EACCES, syscall.EPERM, syscall.EINVAL:
		st.state = missing
	default:
		st.state = unknown // ENODEV: the group or the file was just removed
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
	for i, c := range sp.cachedCols() {
		e.cache[sp.cacheAt+i] = row[c]
	}
}
