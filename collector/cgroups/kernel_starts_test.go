package cgroups

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
)

// evict makes the kernel drop unused inodes from memory, including those of cgroups.
func evict(t *testing.T) {
	t.Helper()
	rig.NeedRoot(t, "dropping caches")
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0); err != nil {
		t.Fatal(err)
	}
}

// startOf reads until the group has a start, and returns it in Unix seconds.
func (g *group) startOf(r *Reader) int64 {
	g.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, row := g.row(readSnapshot(g.t, r))
		if row == nil {
			g.t.Fatalf("%s is not shown", g.path)
		}
		if row[metric.Created] != metric.Absent {
			return row[metric.Created]
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("%s has no start", g.path)
		}
	}
}

// A group's start is that of its first process. It stays the same after the kernel has
// dropped the inode of the directory, for a new Reader too, by BPF and from files.
func TestKernelStartOutlivesInode(t *testing.T) {
	l := layout(t)
	sharedWalk(t)
	g := makeGroup(t, l, "start")
	child, never := g.child("child"), g.child("never")
	p := child.start(load.Work{})
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	clock := newBootClock()
	want := (clock.boot + readStart(fmt.Sprintf("/proc/%d/stat", p.Pid))) / 1e9
	for round := range 2 {
		open := sharedReader
		if round > 0 {
			time.Sleep(1100 * time.Millisecond) // so that new times of the directory would differ
			evict(t)
			open = openReader // with a walk that has not seen the groups before
		}
		for _, noBPF := range []bool{false, true} {
			r := open(t, Options{Layout: l, NoBPF: noBPF, Log: quiet()})
			if got := child.startOf(r); got != want {
				t.Errorf("round %d, without BPF %t: start %d, want %d", round, noBPF, got, want)
			}
			if got := g.startOf(r); got != want {
				t.Errorf("round %d, without BPF %t: the group above: start %d, want %d", round, noBPF, got, want)
			}
			s := readSnapshot(t, r)
			if _, row := never.row(s); row[metric.Created] != metric.Absent {
				t.Errorf("round %d, without BPF %t: a group without a process: start %d", round, noBPF, row[metric.Created])
			}
			if got := s.Row(0)[metric.Created]; got != clock.boot/1e9 {
				t.Errorf("round %d, without BPF %t: start of the root %d, want %d", round, noBPF, got, clock.boot/1e9)
			}
			r.Close()
		}
	}
}

// A group's start stays the same while the group exists: after its first process has
// exited, and after files are read instead of BPF.
func TestKernelStartStays(t *testing.T) {
	l := layout(t)
	r := sharedReader(t, Options{Log: quiet()})
	g := makeGroup(t, l, "startstays")
	p := g.start(load.Work{})
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	want := g.startOf(r)
	time.Sleep(1100 * time.Millisecond)
	later := g.start(load.Work{})
	if err := later.Wait(); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	for range 3 {
		if got := g.startOf(r); got != want {
			t.Fatalf("start %d, was %d", got, want)
		}
	}
	r.leave(1 << PartGroups)
	for range 3 {
		if got := g.startOf(r); got != want {
			t.Fatalf("from files: start %d, was %d", got, want)
		}
	}
	// A group made again at the same path is another group.
	later.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if g.remove(); !g.exists() {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the group cannot be removed")
		}
	}
	g.make()
	if _, row := g.row(readSnapshot(t, r)); row[metric.Created] != metric.Absent {
		t.Errorf("made anew, without a process: start %d", row[metric.Created])
	}
}

// Threads of a threaded cgroup have a start too.
func TestKernelStartThreaded(t *testing.T) {
	l := layout(t)
	sharedWalk(t)
	if l.V2 < 0 {
		rig.KernelLacks(t, rig.CgroupV2, fmt.Errorf("threaded cgroups"))
	}
	domain := v2Group(t, l, makeGroup(t, l, "startthreads").path+"/machine")
	vcpu := domain.threadedChild("vcpu0")
	threads := domain.startThreads(load.Work{Threads: 2})
	vcpu.write("cgroup.threads", threads[1])
	clock := newBootClock()
	for _, noBPF := range []bool{false, true} {
		r := sharedReader(t, Options{Layout: l, NoBPF: noBPF, Log: quiet()})
		for g, tid := range map[*group]string{domain: threads[0], vcpu: threads[1]} {
			want := (clock.boot + readStart("/proc/"+tid+"/stat")) / 1e9
			if got := g.startOf(r); got != want {
				t.Errorf("without BPF %t: %s: start %d, want %d", noBPF, g.path, got, want)
			}
		}
	}
}

func (g *group) exists() bool {
	for _, m := range rankMounts(g.l) {
		if _, err := os.Stat(g.dir(m)); err == nil {
			return true
		}
	}
	return false
}
