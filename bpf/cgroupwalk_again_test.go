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

// againWalk is a walk of a hierarchy that the test changes.
type againWalk struct {
	*Walk
	t       *testing.T
	top     string
	names   map[int]string // by record
	between func()         // the runs of a walk
}

func startAgainWalk(t *testing.T, mount string, v2 bool, budget time.Duration) *againWalk {
	t.Helper()
	a := &againWalk{t: t, names: map[int]string{}, between: func() {}}
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

// child is the directory of the i-th child. Names are unlike any other's.
func (a *againWalk) child(i int) string {
	return fmt.Sprintf("%s/%d-of-%s", a.top, i, filepath.Base(a.top))
}

// in is a directory below the i-th child.
func (a *againWalk) in(i int, name string) string {
	return a.child(i) + "/" + name + "-" + filepath.Base(a.top)
}

func (a *againWalk) remove(dir string) {
	a.t.Helper()
	if err := os.Remove(dir); err != nil {
		a.t.Fatal(err)
	}
}

// walk walks to the end, and returns how many cgroups it visited.
func (a *againWalk) walk() (visited int) {
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

// shows reports whether the last walk has a directory.
func (a *againWalk) shows(dir string) bool {
	for i := range a.Count() {
		if a.names[i] == filepath.Base(dir) {
			return true
		}
	}
	return false
}

// still expects a walk that visits nothing, and has all.
func (a *againWalk) still() {
	a.t.Helper()
	for range 200 { // others may make cgroups here meanwhile
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

// is expects of the next walk that it shows a directory, or does not.
func (a *againWalk) is(dir string, want bool) {
	a.t.Helper()
	if a.walk(); a.shows(dir) != want {
		a.t.Errorf("%s is shown: %v", filepath.Base(dir), !want)
	}
}

// meanwhile calls do between the run of a walk that passed child 0 and the one that
// comes to child 97.
func (a *againWalk) meanwhile(do func()) {
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

// inHierarchies runs a test on each hierarchy that is mounted here, with walks in
// runs of at most budget each.
func inHierarchies(t *testing.T, budgets []time.Duration, test func(a *againWalk, v2 bool)) {
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

// A hierarchy that stays as it is is not gone through again, and whatever becomes
// of it is seen by the next walk.
func TestKernelWalkAgain(t *testing.T) {
	inHierarchies(t, []time.Duration{time.Second, 1}, func(a *againWalk, v2 bool) {
		a.still()
		first, second := a.in(7, "first"), a.in(7, "second")
		mkdir(a.t, first)
		a.is(first, true)
		a.still()
		// One goes and another comes: as many as before.
		a.remove(first)
		mkdir(a.t, second)
		a.is(second, true)
		a.is(first, false)
		a.still()
		if !v2 { // v2 has no renames
			if err := os.Rename(second, first); err != nil {
				a.t.Fatal(err)
			}
			a.is(first, true)
			a.is(second, false)
			a.still()
			second = first
		}
		a.remove(second)
		a.is(second, false)
		a.still()
	})
}

// What comes and goes in the middle of a walk neither hides others nor is read when
// it is gone.
func TestKernelWalkAgainMeanwhile(t *testing.T) {
	inHierarchies(t, []time.Duration{1}, func(a *againWalk, _ bool) {
		inner, outer := a.in(97, "inner"), a.in(0, "outer")
		mkdir(a.t, inner)
		a.is(inner, true)
		a.still()
		// By the records of the walk before.
		a.meanwhile(func() { a.remove(inner) })
		if a.shows(inner) {
			a.t.Error("a cgroup that went in the middle of a walk is shown")
		}
		// By the tree: one goes before it is come to, another comes behind.
		mkdir(a.t, inner)
		a.meanwhile(func() {
			a.remove(inner)
			mkdir(a.t, outer)
		})
		a.is(outer, true)
	})
}
