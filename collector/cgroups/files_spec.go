package cgroups

import (
	"bytes"
	"slices"

	"github.com/daytwo/daytwo/api/metric"
)

// class says when a file is read again.
type class uint8

const (
	live   class = iota // every tick
	event               // v2's *.events: when the kernel reports a change through inotify
	limit               // limits and weights: when inotify reports that a file of the directory was written
	reopen              // every tick, and opened each time: an open v1 list does not show changes
	pool                // hugetlb: every tick while the machine has pages of that size
	follow              // v1 cpu times: when cpuacct.usage has changed
	state               // v1 freezer.state: as limit, but every tick while it is not THAWED
)

// spec is one file of every cgroup directory, and how to read it.
type spec struct {
	name    []byte // NUL-terminated
	mount   int    // index into Layout.Mounts
	unless  uint16 // set of mounts: a group with a directory in one of them does not read the file
	parts   Parts  // parts that the file has columns of
	class   class
	list    bool    // a list, of which only the lines are counted
	tasks   bool    // does not change while the v2 group and its descendants have no task
	cols    []int16 // columns that the file fills
	cacheAt int     // index into entry.cache of the first of cachedCols
	size    int     // hugetlb: index into files.sizes
	huge    int     // hugetlb: column
	// parse writes the values in the text b to row or e.
	parse func(f *files, e *entry, row []int64, b []byte)
}

// cachedCols returns the columns whose values are stored in entry.cache, as the file
// is not read on every tick.
func (sp *spec) cachedCols() []int16 {
	if sp.tasks || sp.class != live && sp.class != reopen {
		return sp.cols
	}
	return nil
}

// maxFileName is more than the length of the longest file name that is read.
const maxFileName = 64

// number returns a spec.parse that writes the one number of a file to a column,
// multiplied by scale.
func number(col int, scale int64, value func([]byte) int64) func(*files, *entry, []int64, []byte) {
	return func(_ *files, _ *entry, row []int64, b []byte) { row[col] = scaled(value(b), scale) }
}

// keyed returns a spec.parse for a flat-keyed file.
func keyed(keys ...key) func(*files, *entry, []int64, []byte) {
	return func(_ *files, _ *entry, row []int64, b []byte) { parseKeyed(b, keys, row) }
}

// psi returns a spec.parse for a pressure file. some and full are columns, -1 for none.
func psi(some, full int) func(*files, *entry, []int64, []byte) {
	return func(_ *files, _ *entry, row []int64, b []byte) { parsePSI(b, some, full, row) }
}

// specBuilder collects the files of a layout, the most important ones first: if not
// all files of a group can be held open, the first ones are.
type specBuilder struct {
	l        *Layout
	specs    []spec
	cacheLen int // length of entry.cache
}

// add adds a file at mount m, with the part and the columns that it fills. It does
// nothing if m is -1. The result is valid until the next call.
func (s *specBuilder) add(m int, name string, p Part, c class, parse func(*files, *entry, []int64, []byte),
	cols ...int16) *spec {
	if m < 0 {
		return &spec{}
	}
	sp := spec{name: append([]byte(name), 0), mount: m, parts: 1 << p, class: c, parse: parse, cols: cols,
		cacheAt: s.cacheLen}
	if sp.cachedCols() != nil {
		s.cacheLen += len(cols)
	}
	s.specs = append(s.specs, sp)
	return &s.specs[len(s.specs)-1]
}

// one calls add for a file that holds one number.
func (s *specBuilder) one(m int, name string, p Part, c class, col int, scale int64, value func([]byte) int64) {
	s.add(m, name, p, c, number(col, scale, value), int16(col))
}

// buildSpecs returns the files to read with this layout.
func buildSpecs(l *Layout, sizes []pageSize) *specBuilder {
	s := &specBuilder{l: l}
	if l.Memory >= 0 {
		v2 := l.Mounts[l.Memory].V2
		stat := newStatParser(v2)
		s.add(l.Memory, "memory.stat", PartStat, live, func(f *files, _ *entry, row []int64, b []byte) {
			stat.parse(b, f.parts, row)
		}).parts |= 1 << PartMemory
	}
	s.events()
	s.cpu()
	s.memory()
	s.pids()
	s.io()
	s.pressure()
	s.tasks()
	s.cpuTimes()
	s.hugetlb(sizes)
	return s
}

func (s *specBuilder) v2(m int) bool { return s.l.v2(m) }

func (s *specBuilder) cpu() {
	const us = 1000
	v2stat := keyed(
		key{"usage_usec", metric.CPUUsage, us}, key{"user_usec", metric.CPUUser, us},
		key{"system_usec", metric.CPUSystem, us},
		key{"nr_periods", metric.CPUPeriods, 1}, key{"nr_throttled", metric.CPUThrottledPeriods, 1},
		key{"throttled_usec", metric.CPUThrottledTime, us},
		key{"nr_bursts", metric.CPUBursts, 1}, key{"burst_usec", metric.CPUBurstTime, us})
	if s.l.V2 >= 0 && (s.v2(s.l.CPU) || s.l.CPUAcct < 0 || s.v2(s.l.CPUAcct)) {
		s.still(s.l.V2, "cpu.stat", PartCPU, v2stat, metric.CPUUsage, metric.CPUUser, metric.CPUSystem, metric.CPUPeriods,
			metric.CPUThrottledPeriods, metric.CPUThrottledTime, metric.CPUBursts, metric.CPUBurstTime)
	} else if m := s.l.CPUAcct; m >= 0 {
		s.one(m, "cpuacct.usage", PartCPU, live, metric.CPUUsage, 1, parseValue)
	}
	m := s.l.CPU
	if m < 0 {
		return
	}
	if s.v2(m) {
		s.one(m, "cpu.weight", PartCPU, limit, metric.CPUWeight, 1, parseValue)
		s.add(m, "cpu.max", PartCPU, limit, func(_ *files, _ *entry, row []int64, b []byte) {
			quota, period := cutField(b)
			row[metric.CPUQuota] = scaled(parseValue(quota), us)
			row[metric.CPUPeriod] = scaled(parseValue(period), us)
		}, metric.CPUQuota, metric.CPUPeriod)
		return
	}
	s.one(m, "cpu.shares", PartCPU, limit, metric.CPUShares, 1, parseValue)
	s.one(m, "cpu.cfs_quota_us", PartCPU, limit, metric.CPUQuota, us, func(b []byte) int64 {
		if v := parseValue(b); v >= 0 || v == metric.Absent {
			return v
		}
		return metric.Unlimited // -1
	})
	s.one(m, "cpu.cfs_period_us", PartCPU, limit, metric.CPUPeriod, us, parseValue)
}

// cpuTimes adds the files of v1 that do not change while cpuacct.usage does not. At
// each timer tick the kernel adds the tick's time to user or system, and updates
// usage too. So a change of these files is seen at most one timer tick late.
func (s *specBuilder) cpuTimes() {
	if m := s.l.CPUAcct; m >= 0 && !s.v2(m) {
		s.one(m, "cpuacct.usage_user", PartCPU, follow, metric.CPUUser, 1, parseValue)
		s.one(m, "cpuacct.usage_sys", PartCPU, follow, metric.CPUSystem, 1, parseValue)
	}
	if m := s.l.CPU; m >= 0 && !s.v2(m) {
		// A throttled group uses no CPU time while nr_periods rises. But only a group with
		// a quota has periods: see unchanged.
		s.add(m, "cpu.stat", PartCPU, follow, keyed(
			key{"nr_periods", metric.CPUPeriods, 1}, key{"nr_throttled", metric.CPUThrottledPeriods, 1},
			key{"throttled_time", metric.CPUThrottledTime, 1},
			key{"nr_bursts", metric.CPUBursts, 1}, key{"burst_time", metric.CPUBurstTime, 1}),
			metric.CPUPeriods, metric.CPUThrottledPeriods, metric.CPUThrottledTime, metric.CPUBursts, metric.CPUBurstTime)
	}
}

func (s *specBuilder) memory() {
	m := s.l.Memory
	if m < 0 {
		return
	}
	one := func(name string, c class, col int) { s.one(m, name, PartMemory, c, col, 1, parseLimit) }
	if s.v2(m) {
		one("memory.current", live, metric.MemCurrent)
		one("memory.peak", live, metric.MemPeak)
		one("memory.swap.current", live, metric.MemSwap)
		one("memory.swap.peak", live, metric.MemSwapPeak)
		one("memory.zswap.current", live, metric.MemZswap)
		s.add(m, "memory.events", PartMemory, event, keyed(
			key{"low", metric.MemEventLow, 1}, key{"high", metric.MemEventHigh, 1}, key{"max", metric.MemEventMax, 1},
			key{"max", metric.MemFailcnt, 1},
			key{"oom", metric.MemEventOom, 1}, key{"oom_kill", metric.MemEventOomKill, 1},
			key{"oom_group_kill", metric.MemEventOomGroupKill, 1}),
			metric.MemEventLow, metric.MemEventHigh, metric.MemEventMax, metric.MemFailcnt, metric.MemEventOom,
			metric.MemEventOomKill, metric.MemEventOomGroupKill)
		s.add(m, "memory.swap.events", PartMemory, event, keyed(
			key{"high", metric.SwapEventHigh, 1}, key{"max", metric.SwapEventMax, 1}, key{"fail", metric.SwapEventFail, 1}),
			metric.SwapEventHigh, metric.SwapEventMax, metric.SwapEventFail)
		one("memory.max", limit, metric.MemMax)
		one("memory.high", limit, metric.MemHigh)
		one("memory.low", limit, metric.MemLow)
		one("memory.min", limit, metric.MemMin)
		one("memory.swap.max", limit, metric.MemSwapMax)
		one("memory.swap.high", limit, metric.MemSwapHigh)
		one("memory.zswap.max", limit, metric.MemZswapMax)
		return
	}
	one("memory.usage_in_bytes", live, metric.MemCurrent)
	one("memory.max_usage_in_bytes", live, metric.MemPeak)
	one("memory.kmem.usage_in_bytes", live, metric.MemKernel)
	one("memory.memsw.usage_in_bytes", live, metric.MemSW)
	one("memory.memsw.max_usage_in_bytes", live, metric.MemSWPeak)
	one("memory.failcnt", live, metric.MemFailcnt)
	s.add(m, "memory.oom_control", PartMemory, live, keyed(key{"oom_kill", metric.MemEventOomKill, 1}))
	one("memory.kmem.tcp.usage_in_bytes", live, metric.MemTCP)
	one("memory.limit_in_bytes", limit, metric.MemMax)
	one("memory.soft_limit_in_bytes", limit, metric.MemSoftLimit)
	one("memory.memsw.limit_in_bytes", limit, metric.MemSWMax)
}

func (s *specBuilder) pids() {
	m := s.l.Pids
	s.one(m, "pids.current", PartPids, live, metric.PidsCurrent, 1, parseValue)
	s.one(m, "pids.peak", PartPids, live, metric.PidsPeak, 1, parseValue)
	c := live
	if s.v2(m) {
		c = event
	}
	s.add(m, "pids.events", PartPids, c, keyed(key{"max", metric.PidsEventsMax, 1}), metric.PidsEventsMax)
	s.one(m, "pids.max", PartPids, limit, metric.PidsMax, 1, parseValue)
}

func (s *specBuilder) io() {
	m := s.l.IO
	if m < 0 {
		return
	}
	if s.v2(m) {
		s.add(m, "io.stat", PartIO, live, func(_ *files, e *entry, _ []int64, b []byte) {
			e.io = parseIOStat(b, e.io)
		})
		return
	}
	s.add(m, "blkio.throttle.io_service_bytes_recursive", PartIO, live, func(_ *files, e *entry, _ []int64, b []byte) {
		e.io = parseBlkio(b, metric.IOReadBytes, metric.IOWriteBytes, metric.IODiscardBytes, e.io)
	})
	s.add(m, "blkio.throttle.io_serviced_recursive", PartIO, live, func(_ *files, e *entry, _ []int64, b []byte) {
		e.io = parseBlkio(b, metric.IOReads, metric.IOWrites, metric.IODiscards, e.io)
	})
}

func (s *specBuilder) pressure() {
	m := s.l.V2
	s.still(m, "cpu.pressure", PartPSI, psi(metric.PSICPUSome, metric.PSICPUFull), metric.PSICPUSome, metric.PSICPUFull)
	s.still(m, "memory.pressure", PartPSI, psi(metric.PSIMemorySome, metric.PSIMemoryFull), metric.PSIMemorySome,
		metric.PSIMemoryFull)
	s.still(m, "io.pressure", PartPSI, psi(metric.PSIIOSome, metric.PSIIOFull), metric.PSIIOSome, metric.PSIIOFull)
	s.still(m, "irq.pressure", PartPSI, psi(-1, metric.PSIIRQFull), metric.PSIIRQFull)
}

// still calls add for a v2 file of class live that changes only while the group has
// tasks.
func (s *specBuilder) still(m int, name string, p Part, parse func(*files, *entry, []int64, []byte), cols ...int16) {
	if m < 0 {
		return
	}
	s.add(m, name, p, live, parse, cols...)
	sp := &s.specs[len(s.specs)-1]
	sp.tasks = true
	s.cacheLen += len(cols)
}

// events adds the files that say whether a group is populated and frozen. They come
// before the files that are skipped in an unpopulated group.
func (s *specBuilder) events() {
	s.add(s.l.V2, "cgroup.events", PartTasks, event, func(_ *files, _ *entry, row []int64, b []byte) {
		parseKeyed(b, eventKeys, row)
	}, metric.Populated, metric.Frozen)
	// Where v1 has the freezer controller, its state replaces that of v2.
	if m := s.l.Freezer; m >= 0 && !s.v2(m) {
		s.add(m, "freezer.state", PartTasks, state, func(_ *files, e *entry, row []int64, b []byte) {
			row[metric.Frozen] = 0
			if bytes.HasPrefix(b, []byte("FROZEN")) {
				row[metric.Frozen] = 1
			}
			// A read of the file itself turns FREEZING into FROZEN.
			e.thawed = bytes.HasPrefix(b, []byte("THAWED"))
		}, metric.Frozen)
	}
}

// tasks adds the lists of a group's processes and threads. Hierarchies may disagree
// about which tasks are in a group, so each group counts those of one hierarchy: of
// pids if it has the group (pids.current also shows without a list that there are
// none), otherwise of the first in rankMounts.
func (s *specBuilder) tasks() {
	before := uint16(0)
	for _, m := range listMounts(s.l) {
		lists := [2]string{"cgroup.procs", "cgroup.threads"}
		c := live
		if !s.v2(m) {
			lists[1], c = "tasks", reopen
		}
		for i, col := range [2]int{metric.Processes, metric.Threads} {
			sp := s.add(m, lists[i], PartTasks, c, number(col, 1, parseValue), int16(col))
			sp.list, sp.unless = true, before
		}
		before |= 1 << m
	}
}

// listMounts returns the mounts whose lists of tasks may be read, in order of
// preference.
func listMounts(l *Layout) []int {
	order := rankMounts(l)
	if m := l.Pids; m >= 0 {
		order = append([]int{m}, slices.DeleteFunc(order, func(o int) bool { return o == m })...)
	}
	return order
}

var eventKeys = []key{{"populated", metric.Populated, 1}, {"frozen", metric.Frozen, 1}}

// v2 reports whether mount m is cgroup v2; false if m is -1.
func (l *Layout) v2(m int) bool { return m >= 0 && l.Mounts[m].V2 }
