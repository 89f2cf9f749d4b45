package bpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// repeatedWalk is a walk of a hierarchy that the test changes between its runs.
type repeatedWalk struct {
	*Walk
	t       *testing.T
	top     string
	names   map[int]string // by record number
	between func()         // called after each run of a walk
}

func startAgainWalk(t *testing.T, mount string, v2 bool, budget time.Duration) *repeatedWalk {
	t.Helper()
	a := &repeatedWalk{t: t, names: map[int]string{}, between: func() {}}
	a.top = fmt.Sprintf("%s/daytwo-test-%d-again-%d", mount, os.Getpid(), budget)
	mkdir(t, a.top)
	for i := range 100 {
		mkdir(t, a.child(i))
	}
	var err error
	a.Walk, err = kernel(t).NewWalk(WalkOptions{Dir: mount, V2: v2, Records: 1 << 15, IOs: 1, Budget: budget,
		Parts: Parts{Tasks: true}, Counting: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// child returns the path of the i-th child. Its name is unique on the machine.
func (a *repeatedWalk) child(i int) string {
	return fmt.Sprintf("%s/%d-of-%s", a.top, i, filepath.Base(a.top))
}

// in returns the path of a directory below the i-th child.
func (a *repeatedWalk) in(i int, name string) string {
	return a.child(i) + "/" + name + "-" + filepath.Base(a.top)
}

func (a *repeatedWalk) remove(dir string) {
	a.t.Helper()
	if err := os.Remove(dir); err != nil {
		a.t.Fatal(err)
	}
}

// walk runs one whole walk, and returns how many cgroups it visited.
func (a *repeatedWalk) walk() (visited int) {
	a.t.Helper()
	a.Restart()
	for done := false; !done; a.between() {
		var err error
		if done, err = a.Next(); err != nil {
			a.t.Fatal(err)
		}
		visited += a.Visited()
		for i := range a.Names() {
			record, name := a.Name(i)
			a.names[record] = string(name)
		}
	}
	return visited
}

// shows reports whether the last walk found a directory.
func (a *repeatedWalk) shows(dir string) bool {
	for i := range a.Count() {
		if a.names[i] == filepath.Base(dir) {
			return true
		}
	}
	return false
}

// expectUnchanged fails the test unless a walk visits no cgroup, but still shows all.
func (a *repeatedWalk) expectUnchanged() {
	a.t.Helper()
	for range 200 { // other programs may make cgroups here at the same time
		if a.walk() == 0 {
			if a.Count() < 100 {
				a.t.Fatalf("%d cgroups", a.Count())
			}
			return
		}
		time.Sleep(time.Millisecond)
	}
	a.t.Error("every cgroup is visited every time")
}

// expectShown fails the test unless the next walk shows a directory, or does not if
// want is false.
func (a *repeatedWalk) expectShown(dir string, want bool) {
	a.t.Helper()
	if a.walk(); a.shows(dir) != want {
		a.t.Errorf("%s is shown: %v", filepath.Base(dir), !want)
	}
}

// meanwhile runs a walk, and calls do between its runs: after the one that visits
// child 0 and before the one that visits child 97.
func (a *repeatedWalk) meanwhile(do func()) {
	a.t.Helper()
	did := false
	a.between = func() {
		if did || !a.shows(a.child(0)) {
			return
		}
		if did = true; a.shows(a.child(97)) {
			a.t.Fatal("a run took all")
		}
		do()
	}
	a.walk()
	if a.between = func() {}; !did {
		a.t.Fatal("the walk was not cut")
	}
}

// inHierarchies runs a test on each hierarchy that is mounted here, once for each of
// budgets, which is the longest time of one run of a walk.
func inHierarchies(t *testing.T, budgets []time.Duration, test func(a *repeatedWalk, v2 bool)) {
	if !kernel(t).HasFunc("bpf_rdonly_cast") {
		rig.KernelLacks(t, rig.Function("bpf_rdonly_cast"), errors.New("the walk by records needs it"))
	}
	for _, kind := range []string{"cgroup2", "cgroup"} {
		dir, v2 := mounted(t, kind), kind == "cgroup2"
		if dir == "" {
			continue
		}
		for _, budget := range budgets {
			t.Run(fmt.Sprintf("%s in runs of %v", kind, budget), func(t *testing.T) {
				test(startAgainWalk(t, dir, v2, budget), v2)
			})
		}
	}
}

// A walk does not visit the cgroups of an unchanged hierarchy again, and it shows
// every change that was made before it.
func TestKernelWalkAgain(t *testing.T) {
	inHierarchies(t, []time.Duration{time.Second, 1}, func(a *repeatedWalk, v2 bool) {
		a.expectUnchanged()
		first, second := a.in(7, "first"), a.in(7, "second")
		mkdir(a.t, first)
		a.expectShown(first, true)
		a.expectUnchanged()
		// One is removed and another is made: the number stays the same.
		a.remove(first)
		mkdir(a.t, second)
		a.expectShown(second, true)
		a.expectShown(first, false)
		a.expectUnchanged()
		if !v2 { // v2 has no renames
			if err := os.Rename(second, first); err != nil {
				a.t.Fatal(err)
			}
			a.expectShown(first, true)
			a.expectShown(second, false)
			a.expectUnchanged()
			second = first
		}
		a.remove(second)
		a.expectShown(second, false)
		a.expectUnchanged()
	})
}

// A cgroup that is made or removed during a walk does not hide others, and a removed
// one is not read.
func TestKernelWalkAgainMeanwhile(t *testing.T) {
	inHierarchies(t, []time.Duration{1}, func(a *repeatedWalk, _ bool) {
		inner, outer := a.in(97, "inner"), a.in(0, "outer")
		mkdir(a.t, inner)
		a.expectShown(inner, true)
		a.expectUnchanged()
		// The walk follows the records of the previous walk.
		a.meanwhile(func() { a.remove(inner) })
		if a.shows(inner) {
			a.t.Error("a cgroup that went in the middle of a walk is shown")
		}
		// The walk visits the tree. A directory ahead of it is removed, and one is made
		// behind it.
		mkdir(a.t, inner)
		a.meanwhile(func() {
			a.remove(inner)
			mkdir(a.t, outer)
		})
		a.expectShown(outer, true)
	})
}
