package cgroups

import (
	"math/bits"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bpf"
)

const (
	pageSize4K     = 4096
	pageCounterTop = (1<<63 - 1) / pageSize4K // PAGE_COUNTER_MAX of a 64-bit kernel
	pidsTop        = 4*1024*1024 + 1          // PIDS_MAX of a 64-bit kernel, which pids.max shows as "max"
	rootWeight     = 1024                     // CPU shares that correspond to weight 100
)

// fill writes the rows of s one after the other, each from all trees: a row fits in
// a few cache lines.
func (w *walk) fill(s *Snapshot) {
	width := len(w.absent)
	for i := range w.join.rows {
		r := &w.join.rows[i]
		row := s.Vals[i*width:][:width:width]
		copy(row, w.absent)
		for rank, t := range w.trees {
			if r.now&(1<<rank) != 0 {
				w.fillRow(t, int(r.at[rank]), i, row)
			}
		}
	}
}

// fillRow writes the columns that tree t has of the group in row at. i is the number
// of the group's record in t.
func (w *walk) fillRow(t *walkTree, i, at int, row []int64) {
	b, p := t.prog, &t.parts
	has := b.Has(i)
	if p.Stat && has&bpf.HasMemory != 0 {
		w.stat.fill(b.Stat(i), row)
	}
	if at == 0 {
		return // the root's other columns are read from files
	}
	if p.Base {
		fillBase(b.Base(i), w.join.order[at], row)
	}
	if has&bpf.HasCPUAcct != 0 {
		c := b.CPUAcct(i)
		row[metric.CPUUsage], row[metric.CPUUser], row[metric.CPUSystem] = int64(c.Usage), int64(c.User), int64(c.System)
	}
	if has&bpf.HasSched != 0 {
		fillSched(b.Sched(i), t.options.V2, w.has.leastWeight, row)
	}
	if has&bpf.HasMemory != 0 {
		if t.options.V2 {
			w.fillMemory(b.Memory(i), row)
		} else {
			w.fillMemoryV1(b.Memory(i), b.MemoryV1(i), row)
		}
	}
	if has&bpf.HasPids != 0 {
		w.fillPids(b.Pids(i), row)
	}
	if has&bpf.HasPSI != 0 {
		w.fillPSI(b.PSI(i), row)
	}
	if p.Tasks {
		w.fillTasks(t, b.Tasks(i), at, row)
	}
	if has&bpf.HasFreezer != 0 {
		row[metric.Frozen] = 0
		if has&bpf.IsFrozen != 0 {
			row[metric.Frozen] = 1
		} else if has&bpf.IsFreezing != 0 {
			w.files.want(w.join.order[at], PartTasks)
		}
	}
	if has&bpf.HasBlkg != 0 {
		w.files.want(w.join.order[at], PartIO)
	}
}

// fillBase computes the CPU times as cputime_adjust() in kernel/sched/cputime.c does.
// The kernel measures usage exactly, and samples user and system at each timer
// tick. cpu.stat scales the samples so that they add up to usage, and so that
// neither is less than cpu.stat showed last (PrevUser, PrevSystem).
func fillBase(b *bpf.Base, g *walkGroup, row []int64) {
	total, user, system := b.Usage, b.PrevUser, b.PrevSystem
	if user+system < total {
		switch {
		case b.System == 0:
			system = 0
		case b.User == 0:
			system = total
		default:
			hi, lo := bits.Mul64(b.System, total)
			system, _ = bits.Div64(hi, lo, b.System+b.User)
		}
		system = max(min(system, total), b.PrevSystem)
		user = total - system
		if user < b.PrevUser {
			user = b.PrevUser
			system = total - user
		}
	}
	// Nor may either be less than this reader showed last, which the kernel does not
	// know.
	u, s := int64(user), int64(system)
	if sum := u + s; s < g.prev.system {
		s = g.prev.system
		u = max(sum-s, g.prev.user)
	} else if u < g.prev.user {
		u = g.prev.user
		s = max(sum-u, g.prev.system)
	}
	g.prev.user, g.prev.system = u, s
	row[metric.CPUUsage], row[metric.CPUUser], row[metric.CPUSystem] = int64(total), u, s
}

// fillSched writes weight, quota and throttling, as kernel/sched/core.c prints them.
func fillSched(c *bpf.Sched, v2 bool, leastWeight int64, row []int64) {
	row[metric.CPUPeriods] = int64(c.Periods)
	row[metric.CPUThrottledPeriods] = int64(c.ThrottledPeriods)
	row[metric.CPUThrottledTime] = int64(c.Throttled)
	row[metric.CPUBursts] = int64(c.Bursts)
	row[metric.CPUBurstTime] = int64(c.Burst)
	row[metric.CPUPeriod] = c.Period / 1000 * 1000
	row[metric.CPUQuota] = metric.Unlimited
	if c.Quota != ^uint64(0) {
		row[metric.CPUQuota] = int64(c.Quota / 1000 * 1000)
	}
	shares := int64(c.Shares >> 10) // SCHED_FIXEDPOINT_SHIFT
	if v2 {
		row[metric.CPUWeight] = max(leastWeight, min(10000, (shares*100+rootWeight/2)/rootWeight)) // DIV_ROUND_CLOSEST
	} else {
		row[metric.CPUShares] = shares
	}
}

// pages returns a limit of n pages in bytes; metric.Unlimited if n is at least
// PAGE_COUNTER_MAX, the kernel's value for no limit.
func pages(n uint64) int64 {
	if n >= pageCounterTop {
		return metric.Unlimited
	}
	return int64(n) * pageSize4K
}

// fillMemory writes the memory columns of a v2 group.
func (w *walk) fillMemory(m *bpf.MemCG, row []int64) {
	c := &m.Memory
	row[metric.MemCurrent], row[metric.MemPeak] = c.Usage*pageSize4K, int64(c.Watermark)*pageSize4K
	row[metric.MemMax], row[metric.MemHigh], row[metric.MemLow], row[metric.MemMin] = pages(c.Max), pages(c.High),
		pages(c.Low), pages(c.Min)
	e := &w.has.events
	row[metric.MemEventLow] = int64(m.Events[e.low])
	row[metric.MemEventHigh] = int64(m.Events[e.high])
	row[metric.MemEventMax] = int64(m.Events[e.max])
	row[metric.MemFailcnt] = int64(m.Events[e.max])
	row[metric.MemEventOom] = int64(m.Events[e.oom])
	row[metric.MemEventOomKill] = int64(m.Events[e.oomKill])
	row[metric.MemEventOomGroupKill] = int64(m.Events[e.oomGroupKill])
	if w.has.swap {
		c = &m.Swap
		row[metric.MemSwap] = c.Usage * pageSize4K
		row[metric.MemSwapMax], row[metric.MemSwapHigh] = pages(c.Max), pages(c.High)
		if w.has.swapPeak {
			row[metric.MemSwapPeak] = int64(c.Watermark) * pageSize4K
		}
		row[metric.SwapEventHigh] = int64(m.Events[e.swapHigh])
		row[metric.SwapEventMax] = int64(m.Events[e.swapMax])
		row[metric.SwapEventFail] = int64(m.Events[e.swapFail])
	}
	if w.has.zswap {
		row[metric.MemZswapMax] = pages(m.ZswapMax)
	}
}

// fillMemoryV1 writes the memory columns of a v1 group.
func (w *walk) fillMemoryV1(m *bpf.MemCG, v1 *bpf.MemCGV1, row []int64) {
	c := &m.Memory
	row[metric.MemCurrent], row[metric.MemPeak] = c.Usage*pageSize4K, int64(c.Watermark)*pageSize4K
	row[metric.MemMax], row[metric.MemFailcnt] = pages(c.Max), int64(c.Failcnt)
	row[metric.MemSoftLimit] = pages(v1.SoftLimit)
	row[metric.MemKernel] = int64(v1.Kernel) * pageSize4K
	row[metric.MemTCP] = int64(v1.Tcp) * pageSize4K
	row[metric.MemEventOomKill] = int64(m.Events[w.has.events.oomKill])
	if w.has.swap {
		c = &m.Swap // memory and swap together
		row[metric.MemSW], row[metric.MemSWPeak], row[metric.MemSWMax] = c.Usage*pageSize4K, int64(c.Watermark)*pageSize4K,
			pages(c.Max)
	}
}

// fillPids writes the pids columns.
func (w *walk) fillPids(p *bpf.Pids, row []int64) {
	row[metric.PidsCurrent] = p.Current
	row[metric.PidsEventsMax] = p.Events
	row[metric.PidsMax] = metric.Unlimited
	if p.Max < pidsTop {
		row[metric.PidsMax] = p.Max
	}
	if w.has.pidsPeak {
		row[metric.PidsPeak] = p.Peak
	}
}

// psiColumns are the pressure columns in the order of enum psi_states
// (include/linux/psi_types.h).
var psiColumns = [...]int{metric.PSIIOSome, metric.PSIIOFull, metric.PSIMemorySome, metric.PSIMemoryFull,
	metric.PSICPUSome, metric.PSICPUFull, metric.PSIIRQFull}

// fillPSI writes the pressure columns that this kernel has.
func (w *walk) fillPSI(p *bpf.PSI, row []int64) {
	for i, c := range psiColumns[:min(w.kernel.PSIStates, len(psiColumns))] {
		row[c] = int64(p.Total[i])
	}
}

// fillTasks writes the tasks columns of the group in row at. It marks the group as
// one to read from files if the counts of processes and threads are not certain.
func (w *walk) fillTasks(t *walkTree, k *bpf.Tasks, at int, row []int64) {
	r := &w.join.rows[at]
	if t.options.V2 {
		row[metric.Populated] = int64(k.Populated)
		if r.now&w.join.states == 0 { // else the state of v1's freezer is shown
			row[metric.Frozen] = int64(k.Frozen)
		}
	}
	if r.tasks != 1<<t.rank {
		return
	}
	row[metric.Threads], row[metric.Processes] = int64(k.Threads), int64(k.Processes)
	switch {
	case k.Torn != 0, !t.options.V2 && k.Stray != 0:
		w.files.want(w.join.order[at], PartTasks)
	case k.Threaded != 0: // its cgroup.procs cannot be read
		row[metric.Processes] = metric.Absent
	}
}
