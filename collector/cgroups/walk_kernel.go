package cgroups

import (
	"os"
	"strings"

	"github.com/daytwo/daytwo/bpf"
)

// kernelFiles says which cgroup files the running kernel has. BTF lists the
// functions that serve them. Where a file does not exist, the BPF reader reports
// its value as absent too, as the file reader does.
type kernelFiles struct {
	swap, swapPeak, zswap, pidsPeak bool
	initPIDs                        bool  // this process is in the initial PID namespace: it sees all processes
	pidsLocal                       bool  // cgroup2 is mounted with pids_localevents
	leastWeight                     int64 // lowest value that cpu.weight shows (a group with cpu.idle set)
	// events are indexes into memory_events[] (enum memcg_memory_event).
	events struct {
		low, high, max, oom, oomKill, oomGroupKill, swapHigh, swapMax, swapFail uint64
	}
}

// findKernelFiles reads BTF, the PID namespace and the mount options.
func findKernelFiles(k *bpf.Kernel, l *Layout) (f kernelFiles) {
	f.swap = k.HasFunc("swap_current_read")
	f.swapPeak = k.HasFunc("swap_peak_show") || k.HasFunc("swap_peak_read")
	f.zswap = k.HasField("mem_cgroup", "zswap_max")
	f.pidsPeak = k.HasFunc("pids_peak_read")
	ns, err := os.Readlink("/proc/self/ns/pid")
	f.initPIDs = err == nil && ns == "pid:[4026531836]" // PROC_PID_INIT_INO
	if b, err := os.ReadFile("/proc/self/mounts"); err == nil {
		for line := range strings.Lines(string(b)) {
			f.pidsLocal = f.pidsLocal || strings.Contains(line, " cgroup2 ") && strings.Contains(line, "pids_localevents")
		}
	}
	// Since Linux 6.12 cpu.weight is never below 1. The same commit moved the
	// field idle of struct task_group in front of shares, which BTF shows.
	if k.Before("task_group", "idle", "shares") {
		f.leastWeight = 1
	}
	e, _ := k.Enum("memcg_memory_event") // a kernel without the memory controller has none, and none is read
	f.events.low, f.events.high, f.events.max = e["MEMCG_LOW"], e["MEMCG_HIGH"], e["MEMCG_MAX"]
	f.events.oom, f.events.oomKill, f.events.oomGroupKill = e["MEMCG_OOM"], e["MEMCG_OOM_KILL"], e["MEMCG_OOM_GROUP_KILL"]
	f.events.swapHigh, f.events.swapMax, f.events.swapFail = e["MEMCG_SWAP_HIGH"], e["MEMCG_SWAP_MAX"],
		e["MEMCG_SWAP_FAIL"]
	return f
}

// learn finds the locations of counters that BTF does not contain.
func (w *walk) learn() {
	l := w.layout
	t := findTables(w.kernel, l.Memory >= 0, l.Hugetlb >= 0)
	w.huge = t.huge
	if m := l.Memory; m >= 0 {
		w.stat = newStatIndex(w.kernel, t, l.Mounts[m].Dir+"/memory.stat", w.v2(m))
	}
}
