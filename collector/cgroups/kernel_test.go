package cgroups

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
	"golang.org/x/sys/unix"
)

// The tests of this file run on the machine's kernel and, as a compiled binary, as the
// only program of a virtual machine. Each makes real load in a cgroup and waits until
// the cgroup is idle. It then reads the cgroup first by BPF, so that no earlier read
// of a file has made the kernel add up its per-CPU counters; then from files; and
// then with containerd/cgroups.

// kernelLoad is a cgroup with load in it, and the readers that are compared.
type kernelLoad struct {
	*group
	walk   *walk
	files  *files
	bpf    Snapshot // read first
	text   Snapshot // read after it
	oracle oracle
}

// startKernel makes the group and the readers, before there is any load.
func startKernel(t *testing.T, name string) *kernelLoad {
	t.Helper()
	l := layout(t)
	rig.NeedRoot(t, "making cgroups and loading programs")
	rig.Need(t, rig.BTF)
	w, err := shared()
	if err != nil {
		t.Fatalf("the BPF walk must work on a kernel with BTF, as root: %v", err)
	}
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

// limit sets a limit at mount m, by the name and value of v2 or of v1.
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
	time.Sleep(150 * time.Millisecond) // until the last quota period is over
	_, row := k.compare()
	atLeast(t, row, metric.CPUThrottledPeriods, 3)
	atLeast(t, row, metric.CPUThrottledTime, 50e6)
	if row[metric.CPUQuota] != 10e6 || row[metric.CPUPeriod] != 50e6 {
		t.Errorf("quota %d, period %d", row[metric.CPUQuota], row[metric.CPUPeriod])
	}
}

// needMemory skips the test if no hierarchy has the memory controller. That is so on
// hybrid machines whose kernel was built without CONFIG_MEMCG_V1.
func (k *kernelLoad) needMemory() {
	if k.l.Memory < 0 {
		rig.KernelLacks(k.t, rig.Controller("memory"), errors.New("no hierarchy has the controller"))
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
	atLeast(t, row, metric.StatPgfault, 12) // few, as each may be of a huge page
	if row[metric.MemMax] != 256<<20 {
		t.Errorf("memory.max = %s", value(row[metric.MemMax]))
	}
}

func TestKernelOOM(t *testing.T) {
	k := startKernel(t, "oom")
	k.needMemory()
	k.limit(k.l.Memory, "memory.max", "memory.limit_in_bytes", "24M", "24M")
	if k.l.v2(k.l.Memory) {
		os.WriteFile(k.dir(k.l.Memory)+"/memory.swap.max", []byte("0"), 0) // a kernel without swap has no such file
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

// diskDir returns a directory on a real disk.
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
	if row[metric.IOWriteBytes] < 8<<20 || row[metric.IOReadBytes] < 8<<20 || row[metric.IOWrites] < 1 ||
		row[metric.IOReads] < 1 {
		t.Errorf("after writing and reading 8 MiB: %v", row)
	}
}

func TestKernelPressure(t *testing.T) {
	k := startKernel(t, "psi")
	// Three processes use CPU time under a quota of a fifth of a CPU.
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
	// The kernel adds up its per-CPU pressure times every 2 s (PSI_FREQ), and whenever
	// the file is read.
	time.Sleep(4500 * time.Millisecond)
	_, row := k.compare(metric.PSICPUSome, metric.PSICPUFull)
	if k.l.V2 < 0 {
		rig.KernelLacks(t, rig.CgroupV2, errors.New("no pressure"))
	}
	atLeast(t, row, metric.PSICPUSome, 1e6)
}

func TestKernelPids(t *testing.T) {
	k := startKernel(t, "pids")
	k.limit(k.l.Pids, "pids.max", "pids.max", "1", "1")
	p := k.start(load.Work{})
	if err := p.Wait(); err == nil {
		// The Go runtime made its threads before the process joined the group. A fork
		// must be refused.
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

// waitFrozen waits until the kernel has stopped every task of the group.
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
