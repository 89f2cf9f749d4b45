package cgroups

import (
	"bufio"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/cgroups/v3/cgroup1"
	v1 "github.com/containerd/cgroups/v3/cgroup1/stats"
	"github.com/containerd/cgroups/v3/cgroup2"
	v2 "github.com/containerd/cgroups/v3/cgroup2/stats"
	"github.com/daytwo/daytwo/api/metric"
)

// oracle holds the values of a group that the library containerd/cgroups reads.
type oracle struct {
	v1 *v1.Metrics
	v2 *v2.Metrics // on hybrid machines: values of controllers that v1 does not have
}

func readOracle(t testing.TB, g *group) (o oracle) {
	t.Helper()
	if g.l.Mode != "unified" {
		c, err := cgroup1.Load(cgroup1.StaticPath(g.path))
		if err != nil {
			t.Fatalf("oracle: %v", err)
		}
		if o.v1, err = c.Stat(cgroup1.IgnoreNotExist); err != nil {
			t.Fatalf("oracle: %v", err)
		}
	}
	if g.l.Mode == "unified" || g.l.v2(g.l.Memory) {
		m, err := cgroup2.Load(g.path, cgroup2.WithMountpoint(g.l.Mounts[g.l.V2].Dir))
		if err != nil {
			t.Fatalf("oracle: %v", err)
		}
		if o.v2, err = m.Stat(); err != nil {
			t.Fatalf("oracle: %v", err)
		}
		if o.v1 != nil {
			o.v2.CPU, o.v2.Pids = nil, nil // v1 has these controllers
		}
	}
	return o
}

func (k *kernelLoad) compareOracle(row []int64, d diffs) {
	o, t := k.oracle, k.t
	t.Helper()
	n := 0
	// want compares a column with the oracle's value v, multiplied by scale. The
	// library represents unlimited values differently.
	want := func(col int, v uint64, scale int64) {
		t.Helper()
		n++
		w := int64(math.MaxInt64)
		if v <= uint64(math.MaxInt64/scale) {
			w = int64(v) * scale
		}
		if row[col] == metric.Unlimited && (w >= pageCounterMax || w == 0) {
			return // the library reads "max" as one of these
		}
		if row[col] == metric.Absent && w == 0 {
			return // the library cannot express that a file does not exist
		}
		if row[col] != w {
			d.add(col, "files %s, containerd/cgroups %d", value(row[col]), w)
		}
	}
	if m := o.v1; m != nil {
		o.compareV1(m, want)
	}
	if m := o.v2; m != nil {
		o.compareV2(m, want)
	}
	if n < 20 && k.l.Memory >= 0 {
		t.Errorf("the oracle had only %d values", n)
	}
}

func (oracle) compareV1(m *v1.Metrics, want func(int, uint64, int64)) {
	if c := m.CPU; c != nil {
		want(metric.CPUUsage, c.Usage.Total, 1)
		if c.Throttling != nil {
			want(metric.CPUPeriods, c.Throttling.Periods, 1)
			want(metric.CPUThrottledPeriods, c.Throttling.ThrottledPeriods, 1)
			want(metric.CPUThrottledTime, c.Throttling.ThrottledTime, 1)
		}
	}
	if p := m.Pids; p != nil {
		want(metric.PidsCurrent, p.Current, 1)
		want(metric.PidsMax, p.Limit, 1)
	}
	if o := m.MemoryOomControl; o != nil {
		want(metric.MemEventOomKill, o.OomKill, 1)
	}
	mem := m.Memory
	if mem == nil {
		return
	}
	want(metric.MemCurrent, mem.Usage.Usage, 1)
	want(metric.MemPeak, mem.Usage.Max, 1)
	want(metric.MemFailcnt, mem.Usage.Failcnt, 1)
	want(metric.MemMax, mem.Usage.Limit, 1)
	if s := mem.Swap; s != nil {
		want(metric.MemSW, s.Usage, 1)
		want(metric.MemSWPeak, s.Max, 1)
		want(metric.MemSWMax, s.Limit, 1)
	}
	if s := mem.Kernel; s != nil {
		want(metric.MemKernel, s.Usage, 1)
	}
	if s := mem.KernelTCP; s != nil {
		want(metric.MemTCP, s.Usage, 1)
	}
	for col, v := range map[int]uint64{
		metric.StatFile: mem.TotalCache, metric.StatAnon: mem.TotalRSS, metric.StatAnonThp: mem.TotalRSSHuge,
		metric.StatFileMapped: mem.TotalMappedFile, metric.StatFileDirty: mem.TotalDirty,
		metric.StatFileWriteback: mem.TotalWriteback,
		metric.StatPgpgin:        mem.TotalPgPgIn, metric.StatPgpgout: mem.TotalPgPgOut, metric.StatPgfault: mem.TotalPgFault,
		metric.StatPgmajfault: mem.TotalPgMajFault, metric.StatInactiveAnon: mem.TotalInactiveAnon,
		metric.StatActiveAnon:   mem.TotalActiveAnon,
		metric.StatInactiveFile: mem.TotalInactiveFile, metric.StatActiveFile: mem.TotalActiveFile,
		metric.StatUnevictable: mem.TotalUnevictable,
		metric.FailuresPgfault: mem.PgFault, metric.FailuresPgmajfault: mem.PgMajFault,
	} {
		want(col, v, 1)
	}
}

func (oracle) compareV2(m *v2.Metrics, want func(int, uint64, int64)) {
	if c := m.CPU; c != nil {
		want(metric.CPUUsage, c.UsageUsec, 1000)
		want(metric.CPUUser, c.UserUsec, 1000)
		want(metric.CPUSystem, c.SystemUsec, 1000)
		want(metric.CPUPeriods, c.NrPeriods, 1)
		want(metric.CPUThrottledPeriods, c.NrThrottled, 1)
		want(metric.CPUThrottledTime, c.ThrottledUsec, 1000)
		want(metric.CPUBursts, c.NrBursts, 1)
		want(metric.CPUBurstTime, c.BurstUsec, 1000)
		psiWant(c.PSI, metric.PSICPUSome, metric.PSICPUFull, want)
	}
	if p := m.Pids; p != nil {
		want(metric.PidsCurrent, p.Current, 1)
		want(metric.PidsMax, p.Limit, 1)
	}
	if e := m.MemoryEvents; e != nil {
		want(metric.MemEventLow, e.Low, 1)
		want(metric.MemEventHigh, e.High, 1)
		want(metric.MemEventMax, e.Max, 1)
		want(metric.MemEventOom, e.Oom, 1)
		want(metric.MemEventOomKill, e.OomKill, 1)
		want(metric.MemEventOomGroupKill, e.OomGroupKill, 1)
	}
	if m.Io != nil {
		psiWant(m.Io.PSI, metric.PSIIOSome, metric.PSIIOFull, want)
	}
	mem := m.Memory
	if mem == nil {
		return
	}
	psiWant(mem.PSI, metric.PSIMemorySome, metric.PSIMemoryFull, want)
	for col, v := range map[int]uint64{
		metric.MemCurrent: mem.Usage, metric.MemMax: mem.UsageLimit, metric.MemSwap: mem.SwapUsage,
		metric.MemSwapMax: mem.SwapLimit,
		metric.MemPeak:    mem.MaxUsage, metric.MemSwapPeak: mem.SwapMaxUsage,
		metric.StatAnon: mem.Anon, metric.StatFile: mem.File, metric.StatKernelStack: mem.KernelStack,
		metric.StatSlab: mem.Slab,
		metric.StatSock: mem.Sock, metric.StatShmem: mem.Shmem, metric.StatFileMapped: mem.FileMapped,
		metric.StatFileDirty:     mem.FileDirty,
		metric.StatFileWriteback: mem.FileWriteback, metric.StatAnonThp: mem.AnonThp,
		metric.StatInactiveAnon: mem.InactiveAnon,
		metric.StatActiveAnon:   mem.ActiveAnon, metric.StatInactiveFile: mem.InactiveFile,
		metric.StatActiveFile:  mem.ActiveFile,
		metric.StatUnevictable: mem.Unevictable, metric.StatSlabReclaimable: mem.SlabReclaimable,
		metric.StatSlabUnreclaimable: mem.SlabUnreclaimable,
		metric.StatPgfault:           mem.Pgfault, metric.StatPgmajfault: mem.Pgmajfault,
		metric.StatWorkingsetNodereclaim: mem.WorkingsetNodereclaim,
		metric.StatPgrefill:              mem.Pgrefill, metric.StatPgscan: mem.Pgscan, metric.StatPgsteal: mem.Pgsteal,
		metric.StatPgactivate:   mem.Pgactivate,
		metric.StatPgdeactivate: mem.Pgdeactivate, metric.StatPglazyfree: mem.Pglazyfree,
		metric.StatPglazyfreed:   mem.Pglazyfreed,
		metric.StatThpFaultAlloc: mem.ThpFaultAlloc, metric.StatThpCollapseAlloc: mem.ThpCollapseAlloc,
	} {
		want(col, v, 1)
	}
}

func psiWant(p *v2.PSIStats, some, full int, want func(int, uint64, int64)) {
	if p == nil {
		return
	}
	if p.Some != nil {
		want(some, p.Some.Total, 1000)
	}
	if p.Full != nil {
		want(full, p.Full.Total, 1000)
	}
}

// v1Items maps those lines of v1's memory.stat that have another name than their column.
var v1Items = map[string]string{
	"anon": "rss", "file": "cache", "anon_thp": "rss_huge", "file_mapped": "mapped_file", "file_dirty": "dirty",
	"file_writeback": "writeback",
}

// compareStat compares the columns of memory.stat with the text of the file.
func (k *kernelLoad) compareStat(row []int64, d diffs) {
	k.t.Helper()
	if k.l.Memory < 0 {
		return // a kernel without v1's memory controller
	}
	f, err := os.Open(k.dir(k.l.Memory) + "/memory.stat")
	if err != nil {
		k.t.Fatal(err)
	}
	defer f.Close()
	text := map[string]int64{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		name, num, _ := strings.Cut(sc.Text(), " ")
		if text[name], err = strconv.ParseInt(num, 10, 64); err != nil {
			k.t.Fatal(err)
		}
	}
	v2 := k.l.v2(k.l.Memory)
	seen, read := 0, map[string]bool{}
	for c := metric.FirstStat; c <= metric.LastStat; c++ {
		item, own := strings.CutPrefix(metric.Columns(metric.Container)[c].Name, "memory.failures.")
		item = strings.TrimPrefix(item, "memory.stat.")
		if !v2 && !own {
			if other, ok := v1Items[item]; ok {
				item = other
			}
			item = "total_" + item
		}
		want, ok := text[item]
		if !ok {
			want = metric.Absent
		} else {
			seen++
			read[item] = true
		}
		if row[c] != want {
			d.add(c, "files %s, text %s", value(row[c]), value(want))
		}
	}
	if seen < 15 {
		k.t.Errorf("memory.stat has only %d items", seen)
	}
	for item := range text {
		if v2 && !read[item] {
			k.t.Errorf("memory.stat has %s, which is no column", item)
		}
	}
}
