package cgroups

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
	"golang.org/x/sys/unix"
)

// The tests of this file run on the machine's kernel and, compiled, as the only
// program of a virtual machine. Each makes real load in a cgroup, brings it to
// rest, and reads it by BPF first, so that no file read has folded the kernel's
// lazy counters for it; then from files; then with containerd/cgroups.

// kernelLoad is a cgroup with work in it.
type kernelLoad struct {
	*group
	walk   *walk
	files  *files
	bpf    Snapshot // read first
	text   Snapshot // read after it
	oracle oracle
}

// startKernel makes the readers, before there is any load.
func startKernel(t *testing.T, name string) *kernelLoad {
	t.Helper()
	l := layout(t)
	if os.Getuid() != 0 {
		rig.Missing(t, "root", "cgroups are made and programs loaded", "run the tests as root")
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		rig.Missing(t, "BTF", err.Error(), "a kernel with CONFIG_DEBUG_INFO_BTF")
	}
	w, err := newWalk(l)
	if err != nil {
		t.Fatalf("the BPF walk must work on a kernel with BTF, as root: %v", err)
	}
	t.Cleanup(func() { w.Close() })
	for p := range NumParts {
		if !w.Parts().Has(p) {
			t.Logf("part %s is not served by BPF: %s", p, w.Reason(p))
		}
	}
	k := &kernelLoad{group: makeGroup(t, l, name), walk: w}
	k.files = openFiles(t, l)
	return k
}

// work starts a load process in the group and waits until its work is done.
// The process then sleeps, stopped, until the test ends.
func (k *kernelLoad) work(w load.Work) *load.Process {
	k.t.Helper()
	p := k.start(w)
	if err := p.Wait(); err != nil {
		k.t.Fatalf("the load process: %v", err)
	}
	if err := p.Pause(); err != nil {
		k.t.Fatal(err)
	}
	return p
}

func (g *group) start(w load.Work) *load.Process {
	g.t.Helper()
	for _, m := range rankMounts(g.l) {
		w.Cgroups = append(w.Cgroups, g.dir(m))
	}
	p, err := load.Start(w)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(p.Stop)
	return p
}

// read reads by BPF, by files and by the oracle, in this order.
func (k *kernelLoad) read() (bpf, text []int64) {
	k.t.Helper()
	if err := k.walk.Walk(&k.bpf); err != nil {
		k.t.Fatal(err)
	}
	if err := k.files.Read(&k.text, AllParts); err != nil {
		k.t.Fatal(err)
	}
	k.oracle = readOracle(k.t, k.group)
	_, bpf = k.row(&k.bpf)
	_, text = k.row(&k.text)
	if bpf == nil || text == nil {
		k.t.Fatalf("%s: shown by BPF: %t, by files: %t", k.path, bpf != nil, text != nil)
	}
	return bpf, text
}

// moving are columns that the kernel itself still changes once a group is at
// rest: it drains per-CPU batches of pages and charges, and frees what the dead
// leave. They may take a few readings to agree; all others must at the first.
var moving = func() map[int]bool {
	m := map[int]bool{}
	for _, c := range []int{
		metric.MemCurrent, metric.MemKernel, metric.MemSW, metric.MemTCP, metric.StatKernel, metric.StatKernelStack,
		metric.StatPagetables, metric.StatPercpu, metric.StatSock, metric.StatVmalloc, metric.StatSlab, metric.StatSlabReclaimable,
		metric.StatSlabUnreclaimable, metric.StatInactiveAnon, metric.StatActiveAnon, metric.StatInactiveFile, metric.StatActiveFile,
		metric.StatUnevictable, metric.StatPgpgout, metric.StatPgactivate, metric.StatPgdeactivate, metric.StatFileDirty, metric.StatFileWriteback,
		metric.PSICPUSome, metric.PSICPUFull, metric.PSIMemorySome, metric.PSIMemoryFull, metric.PSIIOSome, metric.PSIIOFull, metric.PSIIRQFull,
	} {
		m[c] = true
	}
	return m
}()

// diffs collects what differs, by column.
type diffs map[int]string

func (d diffs) add(col int, format string, args ...any) {
	d[col] = metric.Columns(metric.Container)[col].Name + ": " + fmt.Sprintf(format, args...)
}

// compare reads and compares every column and row. Columns that are named must
// agree at the first reading although the kernel may still move them.
func (k *kernelLoad) compare(strict ...int) (bpf, text []int64) {
	k.t.Helper()
	k.settle()
	var left diffs
	for try := range 10 {
		bpf, text = k.read()
		d := k.differ(bpf, text)
		for c, what := range d {
			if try == 0 && (!moving[c] || slices.Contains(strict, c)) {
				k.t.Error(what)
			}
		}
		left = d
		if len(d) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for c, what := range left {
		if moving[c] && !slices.Contains(strict, c) {
			k.t.Error(what)
		}
	}
	k.compareIO()
	k.compareHugetlb()
	return bpf, text
}

// settle waits until the group's memory does not change, by files that fold no
// counter (page counters are exact).
func (k *kernelLoad) settle() {
	if k.l.Memory < 0 {
		return
	}
	file := k.dir(k.l.Memory) + "/memory.usage_in_bytes"
	if k.l.v2(k.l.Memory) {
		file = k.dir(k.l.Memory) + "/memory.current"
	}
	last := ""
	for range 20 {
		b, err := os.ReadFile(file)
		if err != nil {
			k.t.Fatal(err)
		}
		if string(b) == last {
			return
		}
		last = string(b)
		time.Sleep(100 * time.Millisecond)
	}
}

// differ compares one reading.
func (k *kernelLoad) differ(bpf, text []int64) diffs {
	d := diffs{}
	for c := range bpf {
		p := columnParts[c]
		m := &metric.Columns(metric.Container)[c]
		if p == PartGroups || !k.walk.Parts().Has(p) {
			continue
		}
		if !same(m, bpf[c], text[c]) {
			d.add(c, "BPF %s, files %s", value(bpf[c]), value(text[c]))
		}
	}
	k.compareOracle(text, d)
	k.compareStat(text, d)
	return d
}

func value(v int64) string {
	switch v {
	case metric.Absent:
		return "absent"
	case metric.Unlimited:
		return "unlimited"
	}
	return strconv.FormatInt(v, 10)
}

// same compares a value of BPF with its text, which has microseconds only.
func same(m *metric.Metric, bpf, text int64) bool {
	if bpf == metric.Absent || text == metric.Absent || m.Unit != metric.Nanoseconds {
		return bpf == text
	}
	return bpf-text < 1000 && text-bpf < 1000
}

func (k *kernelLoad) compareIO() {
	k.t.Helper()
	if !k.walk.Parts().Has(PartIO) {
		return
	}
	bpf, text := ioRows(k.group, &k.bpf), ioRows(k.group, &k.text)
	for d, t := range text {
		if b, ok := bpf[d]; ok && b != t || !ok && t != [ioWidth]int64{} {
			k.t.Errorf("io on %s: BPF %v, files %v", DeviceName(d.Major, d.Minor), b, t)
		}
	}
	for d := range bpf {
		if _, ok := text[d]; !ok {
			k.t.Errorf("io on %s: BPF %v, files have none", DeviceName(d.Major, d.Minor), bpf[d])
		}
	}
}

func ioRows(g *group, s *Snapshot) map[Device][ioWidth]int64 {
	rows := map[Device][ioWidth]int64{}
	for i := range s.IO {
		if s.Groups[s.IO[i].Group].Path == g.path {
			rows[s.IO[i].Device] = [ioWidth]int64(s.IOVals[i*ioWidth:])
		}
	}
	return rows
}

func (k *kernelLoad) compareHugetlb() {
	k.t.Helper()
	if !k.walk.Parts().Has(PartHugetlb) {
		return
	}
	bpf, text := hugeRows(k.group, &k.bpf), hugeRows(k.group, &k.text)
	for size, t := range text {
		if b, ok := bpf[size]; !ok || b != t {
			k.t.Errorf("hugetlb %d: BPF %v (%t), files %v", size, b, ok, t)
		}
	}
	if len(bpf) != len(text) {
		k.t.Errorf("hugetlb: BPF has %d sizes, files have %d", len(bpf), len(text))
	}
}

func hugeRows(g *group, s *Snapshot) map[int64][hugeWidth]int64 {
	rows := map[int64][hugeWidth]int64{}
	for i := range s.Hugetlb {
		if s.Groups[s.Hugetlb[i].Group].Path == g.path {
			rows[s.Hugetlb[i].Size] = [hugeWidth]int64(s.HugetlbVals[i*hugeWidth:])
		}
	}
	return rows
}

// atLeast asserts that a column shows the load.
func atLeast(t testing.TB, row []int64, col int, want int64) {
	t.Helper()
	if row[col] < want || row[col] == metric.Unlimited {
		t.Errorf("%s = %s, want at least %d", metric.Columns(metric.Container)[col].Name, value(row[col]), want)
	}
}

// limit sets a limit by its v2 or its v1 name, whichever there is.
func (g *group) limit(m int, v2, v1, v2value, v1value string) {
	g.t.Helper()
	file, val := v1, v1value
	if g.l.v2(m) {
		file, val = v2, v2value
	}
	if err := os.WriteFile(g.dir(m)+"/"+file, []byte(val), 0); err != nil {
		g.t.Fatal(err)
	}
}

func TestKernelCPU(t *testing.T) {
	k := startKernel(t, "cpu")
	k.work(load.Work{CPU: 300 * time.Millisecond, Threads: 3, Fork: 2})
	_, row := k.compare()
	atLeast(t, row, metric.CPUUsage, 300e6)
	atLeast(t, row, metric.CPUUser, 10e6)
	atLeast(t, row, metric.CPUSystem, 1e6)
	atLeast(t, row, metric.Threads, 4)
	atLeast(t, row, metric.PidsCurrent, 4)
	if row[metric.Processes] != 1 {
		t.Errorf("processes = %d, want 1", row[metric.Processes])
	}
}

func TestKernelThrottling(t *testing.T) {
	k := startKernel(t, "throttle")
	k.limit(k.l.CPU, "cpu.max", "cpu.cfs_quota_us", "10000 50000", "10000")
	if !k.l.v2(k.l.CPU) {
		k.limit(k.l.CPU, "", "cpu.cfs_period_us", "", "50000")
	}
	k.work(load.Work{CPU: 100 * time.Millisecond})
	time.Sleep(150 * time.Millisecond) // until the last period is over
	_, row := k.compare()
	atLeast(t, row, metric.CPUThrottledPeriods, 3)
	atLeast(t, row, metric.CPUThrottledTime, 50e6)
	if row[metric.CPUQuota] != 10e6 || row[metric.CPUPeriod] != 50e6 {
		t.Errorf("quota %d, period %d", row[metric.CPUQuota], row[metric.CPUPeriod])
	}
}

// needMemory skips where no hierarchy has the memory controller: kernels built
// without CONFIG_MEMCG_V1 lose it on hybrid machines that mount v2 without it.
func (k *kernelLoad) needMemory() {
	if k.l.Memory < 0 {
		rig.Unsupported(k.t, "memory", errors.New("no hierarchy has the controller"))
	}
}

func TestKernelMemory(t *testing.T) {
	k := startKernel(t, "memory")
	k.needMemory()
	k.limit(k.l.Memory, "memory.max", "memory.limit_in_bytes", "256M", "256M")
	k.work(load.Work{Anon: 24 << 20, File: filepath.Join(diskDir(t), "memory"), Size: 8 << 20, Cache: true})
	_, row := k.compare()
	atLeast(t, row, metric.MemCurrent, 32<<20)
	atLeast(t, row, metric.StatAnon, 24<<20)
	atLeast(t, row, metric.StatFile, 8<<20)
	atLeast(t, row, metric.StatPgfault, 12) // of huge pages
	if row[metric.MemMax] != 256<<20 {
		t.Errorf("memory.max = %s", value(row[metric.MemMax]))
	}
}

func TestKernelOOM(t *testing.T) {
	k := startKernel(t, "oom")
	k.needMemory()
	k.limit(k.l.Memory, "memory.max", "memory.limit_in_bytes", "24M", "24M")
	if k.l.v2(k.l.Memory) {
		os.WriteFile(k.dir(k.l.Memory)+"/memory.swap.max", []byte("0"), 0) // there is none without swap
	}
	p := k.start(load.Work{OOM: true})
	if err := p.Wait(); !errors.Is(err, io.EOF) || !p.Killed() {
		t.Fatalf("the process was not killed: %v", err)
	}
	_, row := k.compare()
	if row[metric.MemEventOomKill] != 1 {
		t.Errorf("oom_kill = %s, want 1", value(row[metric.MemEventOomKill]))
	}
	atLeast(t, row, metric.MemFailcnt, 1)
	atLeast(t, row, metric.MemPeak, 20<<20)
}

// diskDir is a directory on a real disk.
func diskDir(t testing.TB) string {
	if os.Getenv("DAYTWO_VM") != "" {
		d, err := os.MkdirTemp("/disk", "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(d) })
		return d
	}
	return t.TempDir()
}

func TestKernelIO(t *testing.T) {
	dir := diskDir(t)
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	dev := Device{unix.Major(st.Dev), unix.Minor(st.Dev)}
	if dev.Major == 0 {
		rig.Missing(t, "a disk", dir+" is not on a block device", "set TMPDIR to a directory on a disk")
	}
	k := startKernel(t, "io")
	if !k.l.v2(k.l.IO) {
		countIO(k.group, dev)
	}
	k.work(load.Work{File: filepath.Join(dir, "io"), Size: 8 << 20})
	syscall.Sync()
	time.Sleep(50 * time.Millisecond)
	k.compare()
	row, ok := ioRows(k.group, &k.text)[dev]
	if !ok {
		t.Fatalf("no io row of %s: %v", DeviceName(dev.Major, dev.Minor), ioRows(k.group, &k.text))
	}
	if row[metric.IOWriteBytes] < 8<<20 || row[metric.IOReadBytes] < 8<<20 || row[metric.IOWrites] < 1 || row[metric.IOReads] < 1 {
		t.Errorf("after writing and reading 8 MiB: %v", row)
	}
}

func TestKernelPressure(t *testing.T) {
	k := startKernel(t, "psi")
	// Three burn on fewer CPUs than they want.
	k.limit(k.l.CPU, "cpu.max", "cpu.cfs_quota_us", "20000 100000", "20000")
	var ps []*load.Process
	for range 3 {
		ps = append(ps, k.start(load.Work{CPU: 60 * time.Millisecond}))
	}
	for _, p := range ps {
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		p.Pause()
	}
	// The kernel folds its per-CPU times every 2 s (PSI_FREQ), or when the
	// file is read.
	time.Sleep(4500 * time.Millisecond)
	_, row := k.compare(metric.PSICPUSome, metric.PSICPUFull)
	if k.l.V2 < 0 {
		rig.Unsupported(t, "pressure", errors.New("no v2 hierarchy"))
	}
	atLeast(t, row, metric.PSICPUSome, 1e6)
}

func TestKernelPids(t *testing.T) {
	k := startKernel(t, "pids")
	k.limit(k.l.Pids, "pids.max", "pids.max", "1", "1")
	p := k.start(load.Work{})
	if err := p.Wait(); err == nil {
		// The runtime has its threads before it joins; a fork is refused.
		t.Log("the process needed no more threads")
	}
	p2 := k.start(load.Work{Fork: 1})
	if err := p2.Wait(); err == nil {
		t.Error("a fork beyond pids.max was allowed")
	}
	p.Pause()
	_, row := k.compare()
	if row[metric.PidsMax] != 1 {
		t.Errorf("pids.max = %s", value(row[metric.PidsMax]))
	}
	atLeast(t, row, metric.PidsEventsMax, 1)
}

func TestKernelFreeze(t *testing.T) {
	k := startKernel(t, "freeze")
	p := k.start(load.Work{})
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	_, row := k.compare()
	if row[metric.Frozen] != 0 {
		t.Errorf("frozen = %s before", value(row[metric.Frozen]))
	}
	k.limit(k.l.Freezer, "cgroup.freeze", "freezer.state", "1", "FROZEN")
	k.limitThaw(t)
	k.waitFrozen()
	_, row = k.compare()
	if row[metric.Frozen] != 1 {
		t.Errorf("frozen = %s", value(row[metric.Frozen]))
	}
}

// waitFrozen waits for the kernel to stop every task of the group.
func (g *group) waitFrozen() {
	file, want := "freezer.state", "FROZEN"
	if g.l.v2(g.l.Freezer) {
		file, want = "cgroup.events", "frozen 1"
	}
	for range 500 {
		if b, _ := os.ReadFile(g.dir(g.l.Freezer) + "/" + file); strings.Contains(string(b), want) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	g.t.Fatalf("%s does not say %s", file, want)
}

// limitThaw lets the group's processes end when the test does.
func (g *group) limitThaw(t *testing.T) {
	t.Cleanup(func() { g.limit(g.l.Freezer, "cgroup.freeze", "freezer.state", "0", "THAWED") })
}
