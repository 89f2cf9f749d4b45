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

// A hierarchy that stays as it is is not gone through again, and whatever
// becomes of it is seen by the next walk.
func TestKernelWalkAgain(t *testing.T) {
	if !kernel(t).HasFunc("bpf_rdonly_cast") {
		rig.KernelLacks(t, rig.Function("bpf_rdonly_cast"), errors.New("the walk by records needs it"))
	}
	for _, kind := range []string{"cgroup2", "cgroup"} {
		dir := mounted(t, kind)
		if dir == "" {
			continue
		}
		for _, budget := range []time.Duration{time.Second, 1} {
			t.Run(fmt.Sprintf("%s in runs of %v", kind, budget), func(t *testing.T) {
				testWalkAgain(t, dir, kind == "cgroup2", budget)
			})
		}
	}
}

func testWalkAgain(t *testing.T, mount string, v2 bool, budget time.Duration) {
	top := fmt.Sprintf("%s/daytwo-test-%d-again-%d", mount, os.Getpid(), budget)
	mkdir(t, top)
	child := func(i int) string { return fmt.Sprintf("%s/%d-of-%s", top, i, filepath.Base(top)) }
	for i := range 100 {
		mkdir(t, child(i))
	}
	w, err := kernel(t).NewWalk(WalkOptions{Dir: mount, V2: v2, Records: 1 << 15, IOs: 1, Budget: budget,
		Parts: Parts{Tasks: true}, Counting: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	names := map[int]string{} // by record
	between := func() {}      // the runs of a walk
	walk := func() (visited int) {
		t.Helper()
		w.Restart()
		for done := false; !done; between() {
			if done, err = w.Next(); err != nil {
				t.Fatal(err)
			}
			visited += w.Visited()
			for i := range w.Names() {
				record, name := w.Name(i)
				names[record] = string(name)
			}
		}
		return visited
	}
	shows := func(dir string) bool {
		for i := range w.Count() {
			if names[i] == filepath.Base(dir) {
				return true
			}
		}
		return false
	}
	still := func() {
		t.Helper()
		for range 200 { // others may make cgroups here meanwhile
			if walk() == 0 {
				if w.Count() < 100 {
					t.Fatalf("%d cgroups", w.Count())
				}
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Error("every cgroup is visited every time")
	}
	is := func(dir string, want bool) {
		t.Helper()
		if walk(); shows(dir) != want {
			t.Errorf("%s is shown: %v", filepath.Base(dir), !want)
		}
	}

	still()
	first, second := child(7)+"/first-"+filepath.Base(top), child(7)+"/second-"+filepath.Base(top)
	mkdir(t, first)
	is(first, true)
	still()
	// One goes and another comes: as many as before.
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	mkdir(t, second)
	is(second, true)
	is(first, false)
	still()
	if !v2 { // v2 knows no renames
		if err := os.Rename(second, first); err != nil {
			t.Fatal(err)
		}
		is(first, true)
		is(second, false)
		still()
		second = first
	}
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	is(second, false)
	still()
	if budget > 1 {
		return
	}

	// between the run that passed child 0 and the one that comes to child 97
	meanwhile := func(do func()) {
		t.Helper()
		did := false
		between = func() {
			if did || !shows(child(0)) {
				return
			}
			if did = true; shows(child(97)) {
				t.Fatal("a run took all")
			}
			do()
		}
		walk()
		if between = func() {}; !did {
			t.Fatal("the walk was not cut")
		}
	}
	inner, outer := child(97)+"/inner-"+filepath.Base(top), child(0)+"/outer-"+filepath.Base(top)
	mkdir(t, inner)
	is(inner, true)
	still()
	// What went while the walk goes by its records is not read any more.
	meanwhile(func() {
		if err := os.Remove(inner); err != nil {
			t.Fatal(err)
		}
	})
	if shows(inner) {
		t.Error("a cgroup that went in the middle of a walk is shown")
	}
	// By the tree: one goes before it is come to, another comes behind.
	mkdir(t, inner)
	meanwhile(func() {
		if err := os.Remove(inner); err != nil {
			t.Fatal(err)
		}
		mkdir(t, outer)
	})
	is(outer, true)
}
