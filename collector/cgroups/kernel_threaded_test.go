package cgroups

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
)

// v2Group makes a cgroup in the v2 hierarchy only.
func v2Group(t *testing.T, l *Layout, path string) *group {
	t.Helper()
	g := &group{t, l, path}
	if err := os.Mkdir(g.dir(l.V2), 0o755); err != nil {
		t.Fatal(err)
	}
	return g
}

// threadedChild makes a threaded cgroup below g, as libvirt does for the threads of
// a virtual machine.
func (g *group) threadedChild(name string) *group {
	g.t.Helper()
	c := v2Group(g.t.(*testing.T), g.l, g.path+"/"+name)
	c.write("cgroup.type", "threaded")
	return c
}

// startThreads starts a process with threads in a v2 cgroup. It returns the thread IDs,
// the process's own first.
func (g *group) startThreads(w load.Work) []string {
	g.t.Helper()
	w.Cgroups = []string{g.dir(g.l.V2)}
	p, err := load.Start(w)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(p.Stop)
	if err := p.Wait(); err != nil {
		g.t.Fatal(err)
	}
	threads := []string{fmt.Sprint(p.Pid)}
	dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", p.Pid))
	if err != nil || len(dirs) <= w.Threads {
		g.t.Fatal(dirs, err)
	}
	for _, d := range dirs {
		if tid := filepath.Base(d); tid != threads[0] {
			threads = append(threads, tid)
		}
	}
	return threads
}

// lines returns the number of lines in a list file of the group, metric.Absent if it
// cannot be read.
func (g *group) lines(file string) int64 {
	b, err := os.ReadFile(g.dir(g.l.V2) + "/" + file)
	if err != nil {
		return metric.Absent
	}
	return int64(bytes.Count(b, []byte("\n")))
}

// Processes whose threads are in a threaded subtree count in the group where the kernel
// lists them, the domain: by BPF, from files and in the kernel's own text.
func TestKernelTasksThreaded(t *testing.T) {
	k := startKernel(t, "threaded")
	if k.l.V2 < 0 {
		rig.KernelLacks(t, rig.CgroupV2, fmt.Errorf("threaded cgroups"))
	}
	domain := v2Group(t, k.l, k.path+"/machine")
	empty := domain.threadedChild("emulator")
	vcpu := domain.threadedChild("vcpu0")
	below := vcpu.threadedChild("below")
	all := []*group{domain, empty, vcpu, below}
	check := func(what string, processes int64) {
		t.Helper()
		for _, g := range all {
			want := metric.Absent
			if g == domain {
				want = processes
			}
			var v [4]int64
			var threads int64
			rig.Eventually(t, 10*time.Second, func() error { // its processes' Go runtimes start threads when they like
				before := g.lines("cgroup.threads")
				v = k.tasksOf(g)
				if threads = g.lines("cgroup.threads"); threads != before {
					return fmt.Errorf("%s: %s: had %d threads, has %d", what, g.path, before, threads)
				}
				return nil
			})
			if procs := g.lines("cgroup.procs"); v[0] != want || procs != want {
				t.Errorf("%s: %s: %s processes, cgroup.procs %s, want %s", what, g.path, value(v[0]), value(procs), value(want))
			}
			if v[1] != threads {
				t.Errorf("%s: %s: %d threads, cgroup.threads %d", what, g.path, v[1], threads)
			}
		}
	}
	check("empty", 0)
	first := domain.startThreads(load.Work{Threads: 4})
	check("all in the domain", 1)
	vcpu.write("cgroup.threads", first[1])
	check("a thread in a threaded cgroup", 1)
	below.write("cgroup.threads", first[0])
	check("the leader further below", 1)
	for _, tid := range first[2:] {
		vcpu.write("cgroup.threads", tid)
	}
	check("the domain itself without a thread", 1)
	second := domain.startThreads(load.Work{Threads: 2})
	check("a second process", 2)
	vcpu.write("cgroup.threads", second[0])
	check("the leader of the second process apart", 2)
	orphan := domain.startThreads(load.Work{Threads: 2, Orphan: true})
	check("a third process, whose leader is dead", 3)
	below.write("cgroup.threads", orphan[1])
	check("a thread of it apart", 3)
}

// Threaded cgroups do not cause a part to be handed over to files.
func TestKernelThreadedIsNoMismatch(t *testing.T) {
	l := layout(t)
	sharedWalk(t)
	if l.V2 < 0 {
		rig.KernelLacks(t, rig.CgroupV2, fmt.Errorf("threaded cgroups"))
	}
	var log bytes.Buffer
	r := sharedReader(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if st := r.Status()[PartTasks]; st.Reader != "bpf" {
		rig.KernelLacks(t, rig.InitialPIDs, fmt.Errorf("tasks are not read by BPF: %s", st.Reason))
	}
	domain := v2Group(t, l, makeGroup(t, l, "threadedcheck").path+"/machine")
	domain.threadedChild("emulator")
	vcpu := domain.threadedChild("vcpu0")
	for _, tid := range domain.startThreads(load.Work{Threads: 3}) {
		vcpu.write("cgroup.threads", tid)
	}
	groups := len(readSnapshot(t, r).Groups)
	for range 3 * (groups + gaugeTries) {
		readSnapshot(t, r)
	}
	if st := r.Status()[PartTasks]; st.Reader != "bpf" || strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("%+v\n%s", st, &log)
	}
}
