package cgroups

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
	"golang.org/x/sys/unix"
)

// tasksOf reads a group by BPF, then from files, until both agree, and returns
// processes, threads, frozen, populated.
func (k *kernelLoad) tasksOf(g *group) (vals [4]int64) {
	k.t.Helper()
	cols := [4]int{metric.Processes, metric.Threads, metric.Frozen, metric.Populated}
	if !k.walk.Parts().Has(PartTasks) {
		rig.KernelLacks(k.t, rig.InitialPIDs, fmt.Errorf("tasks are not read by BPF: %s", k.walk.Reason(PartTasks)))
	}
	var text [4]int64
	for range 50 { // a process may start a thread in between
		if err := k.walk.Walk(&k.bpf); err != nil {
			k.t.Fatal(err)
		}
		k.files.parts = 1 << PartGroups // so that every file is read again, even in an idle group
		if err := k.files.Read(&k.text, AllParts); err != nil {
			k.t.Fatal(err)
		}
		_, b := g.row(&k.bpf)
		_, f := g.row(&k.text)
		if b == nil || f == nil {
			k.t.Fatalf("%s is not shown: BPF %t, files %t", g.path, b != nil, f != nil)
		}
		for i, c := range cols {
			vals[i], text[i] = b[c], f[c]
		}
		if vals == text {
			return vals
		}
		time.Sleep(20 * time.Millisecond)
	}
	k.t.Errorf("%s: processes, threads, frozen, populated: BPF %v, files %v", g.path, vals, text)
	return vals
}

// Frozen is exact in every state of the freezer, including FREEZING, which only
// reading v1's file turns into FROZEN.
func TestKernelTasksFreeze(t *testing.T) {
	k := startKernel(t, "tasksfreeze")
	child := k.child("child")
	if k.l.Mode != "unified" { // on v2 only groups without children have processes
		if err := k.startLeaf(load.Work{}).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if err := child.startLeaf(load.Work{}).Wait(); err != nil {
		t.Fatal(err)
	}
	late := k.child("late")
	k.limitThaw(t)
	expect := func(what string, g *group, want int64) {
		t.Helper()
		if got := k.tasksOf(g)[2]; got != want {
			t.Errorf("%s: %s: frozen = %s, want %d", what, g.path, value(got), want)
		}
	}
	all := []*group{k.group, child, late}
	for round := range 3 {
		for _, g := range all {
			expect("thawed", g, 0)
		}
		k.limit(k.l.Freezer, "cgroup.freeze", "freezer.state", "1", "FROZEN")
		if round == 0 {
			k.waitFrozen() // otherwise the walk finds the group while it is freezing
		} else {
			time.Sleep(50 * time.Millisecond)
		}
		for _, g := range all {
			expect("frozen", g, 1)
		}
		k.limit(k.l.Freezer, "cgroup.freeze", "freezer.state", "0", "THAWED")
		time.Sleep(50 * time.Millisecond)
	}
	for _, g := range all {
		expect("at the end", g, 0)
	}
}

// The counts of threads and processes equal those of the kernel's lists: for processes
// with threads, for those with an exited leader, and for threads that v1 has in
// another group than their leader.
func TestKernelTasksCount(t *testing.T) {
	k := startKernel(t, "taskscount")
	for range 2 {
		if err := k.start(load.Work{Threads: 5}).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if v := k.tasksOf(k.group); v[0] != 2 || v[1] < 12 {
		t.Errorf("two processes with five threads and more: processes %d, threads %d", v[0], v[1])
	}
	other := k.child("other")
	if k.l.Mode == "unified" {
		if err := os.Remove(other.dir(k.l.V2)); err != nil {
			t.Fatal(err)
		}
	}
	p := k.start(load.Work{Threads: 3, Orphan: true})
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if v := k.tasksOf(k.group); v[0] != 3 {
		t.Errorf("a third one whose leader is dead: processes %d", v[0])
	}
	if k.l.Mode == "unified" {
		return
	}
	p = k.start(load.Work{Threads: 4})
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	tids, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", p.Pid))
	if err != nil || len(tids) < 3 {
		t.Fatal(tids, err)
	}
	tids = slices.DeleteFunc(tids, func(d string) bool { return filepath.Base(d) == fmt.Sprint(p.Pid) })
	m := listMounts(k.l)[0]
	for i, dir := range tids[:2] {
		if err := os.WriteFile(other.dir(m)+"/tasks", []byte(filepath.Base(dir)), 0); err != nil {
			t.Fatal(err)
		}
		if v := k.tasksOf(other); v[0] != 1 || v[1] < int64(i+1) { // they may start more threads
			t.Errorf("%d threads without their leader: processes %d, threads %d", i+1, v[0], v[1])
		}
	}
	if v := k.tasksOf(k.group); v[0] != 4 {
		t.Errorf("their leader stayed: processes %d", v[0])
	}
	// The threads are separated in another hierarchy, and are still one process here.
	if m := k.l.CPU; m >= 0 && m != listMounts(k.l)[0] && !k.l.v2(m) {
		if err := os.WriteFile(other.dir(m)+"/tasks", []byte(filepath.Base(tids[2])), 0); err != nil {
			t.Fatal(err)
		}
		if v := k.tasksOf(k.group); v[0] != 4 {
			t.Errorf("a thread is apart in another hierarchy: processes %d", v[0])
		}
	}
}

// A group that exists only in a less preferred hierarchy shows the tasks of that one.
func TestKernelTasksElsewhere(t *testing.T) {
	k := startKernel(t, "taskselse")
	if k.l.Mode == "unified" {
		rig.KernelLacks(t, rig.CgroupV1(""), errors.New("cgroup v2 has one hierarchy"))
	}
	lists := listMounts(k.l)
	m := lists[len(lists)-1]
	only := &group{t, k.l, k.path + "/only"}
	if err := os.Mkdir(only.dir(m), 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := load.Start(load.Work{Cgroups: []string{only.dir(m)}, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if v := k.tasksOf(only); v[0] != 1 || v[1] < 3 {
		t.Errorf("processes %d, threads %d", v[0], v[1])
	}
}

// startLeaf starts a load process in a group. On hybrid machines it is not in the v2
// group, as v2 allows no processes in a group with children.
func (g *group) startLeaf(w load.Work) *load.Process {
	g.t.Helper()
	for _, m := range rankMounts(g.l) {
		if g.l.Mode == "unified" || !g.l.v2(m) {
			w.Cgroups = append(w.Cgroups, g.dir(m))
		}
	}
	p, err := load.Start(w)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(p.Stop)
	return p
}

// The io of removed children stays in the v1 sums that the walk shows, even after the
// part is handed over to files. Groups without io have no row.
func TestKernelWalkIOOfRemovedChildren(t *testing.T) {
	dir := diskDir(t)
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	dev := Device{unix.Major(st.Dev), unix.Minor(st.Dev)}
	k := startKernel(t, "walkio")
	if dev.Major == 0 {
		rig.Missing(t, "a disk", dir+" is not on a block device", "set TMPDIR to a directory on a disk")
	}
	if k.l.IO < 0 || k.l.v2(k.l.IO) {
		rig.KernelLacks(t, rig.CgroupV1("blkio"), errV2Keeps)
	}
	countIO(k.group, dev)
	idle, busy := k.child("idle"), k.child("busy")
	countIO(busy, dev) // on Linux 6.1 a limit on an ancestor is not enough
	p, err := load.Start(load.Work{Cgroups: []string{busy.dir(k.l.IO)}, File: filepath.Join(dir, "walkio"), Size: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	syscall.Sync()
	time.Sleep(50 * time.Millisecond)
	r, err := newReader(Options{Layout: k.l, Log: quiet()}, keptWalk{k.walk}, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if st := r.Status()[PartIO]; st.Reader != "bpf" || st.Reason == "" {
		t.Errorf("%+v", st)
	}
	s := readSnapshot(t, r)
	of := func(g *group) [ioWidth]int64 { return ioRows(g, s)[dev] }
	if err := k.files.Read(&k.text, AllParts); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*group{k.group, idle, busy} {
		want, ok := ioRows(g, &k.text)[dev]
		got, shown := ioRows(g, s)[dev]
		if want != got || ok != shown || ok != (g != idle) {
			t.Errorf("%s: BPF %v (%t), files %v (%t)", g.path, got, shown, want, ok)
		}
	}
	before := of(k.group)
	if before[metric.IOReadBytes] < 4<<20 {
		t.Fatalf("read 4 MiB, shown %v", before)
	}
	busy.remove()
	text := func() int64 {
		raw, err := os.ReadFile(k.dir(k.l.IO) + "/blkio.throttle.io_service_bytes_recursive")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parseBlkio(raw, metric.IOReadBytes, metric.IOWriteBytes, metric.IODiscardBytes, nil) {
			if d.dev == dev {
				return d.raw[metric.IOReadBytes]
			}
		}
		return 0
	}
	for try := 0; ; try++ {
		s = readSnapshot(t, r)
		if got := of(k.group); got != before {
			t.Fatalf("shown %v, before %v", got, before)
		}
		if text() < before[metric.IOReadBytes] {
			break
		}
		if try == 500 {
			t.Fatal("the kernel does not forget")
		}
		time.Sleep(10 * time.Millisecond)
	}
	for range 3 {
		s = readSnapshot(t, r)
	}
	r.leave(1 << PartIO)
	for range 2 {
		s = readSnapshot(t, r)
		if got := of(k.group); got != before {
			t.Errorf("from files: shown %v, by BPF %v", got, before)
		}
	}
}
