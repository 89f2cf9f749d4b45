package cgroups

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
)

// walked returns a function that runs a walk of this machine.
func walked(t *testing.T, w *walk) func() *Snapshot {
	t.Helper()
	var s Snapshot
	return func() *Snapshot {
		t.Helper()
		if err := w.Walk(&s); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, g := range s.Groups {
			if seen[g.Path] {
				t.Fatalf("%s is shown twice", g.Name)
			}
			seen[g.Path] = true
		}
		return &s
	}
}

func TestWalkNames(t *testing.T) {
	l := layout(t)
	top := makeGroup(t, l, "walknames")
	walk := walked(t, sharedWalk(t))
	walk()
	odd := top.child("a\xff b\\c")
	utf8 := top.child("größe")
	long := top.child(strings.Repeat("n", 255))
	s := walk()
	for g, name := range map[*group]string{odd: top.path + `/a\xff b\c`, utf8: utf8.path, long: long.path} {
		id, row := g.row(s)
		if id == nil || id.Name != name {
			t.Errorf("%q: %+v", g.path, id)
		} else if row[metric.CPUUsage] == metric.Absent {
			t.Errorf("%s has no cpu.usage", id.Name)
		}
	}
}

// A directory made again at the same path is another group, even with the same inode.
func TestWalkSamePath(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "walksame")
	walk := walked(t, sharedWalk(t))
	first, _ := g.row(walk())
	if again, _ := g.row(walk()); again != first {
		t.Fatalf("a group that stayed: %+v, before %+v", again, first)
	}
	for range 3 {
		g.remove()
		g.make()
		again, row := g.row(walk())
		if again == nil || again == first || again.ID <= first.ID {
			t.Fatalf("made again: %+v, before: %+v", again, first)
		}
		if row[metric.PidsCurrent] != 0 {
			t.Errorf("pids.current of the new group = %s", value(row[metric.PidsCurrent]))
		}
		first = again
	}
	g.remove()
	if id, _ := g.row(walk()); id != nil {
		t.Error("a removed group is still shown")
	}
}

func TestWalkRename(t *testing.T) {
	l := layout(t)
	if l.Mode == "unified" {
		rig.KernelLacks(t, rig.CgroupV1(""), errors.New("cgroup v2 has no rename"))
	}
	g := makeGroup(t, l, "walkrename")
	c := g.child("old")
	below := c.child("below")
	walk := walked(t, sharedWalk(t))
	s := walk()
	old, _ := c.row(s)
	oldBelow, _ := below.row(s)
	renamed := &group{t, l, g.path + "/new"}
	for _, m := range rankMounts(l) {
		if l.v2(m) {
			os.Remove(below.dir(m))
			os.Remove(c.dir(m))
			os.Mkdir(renamed.dir(m), 0o755) // v2 has no rename
		} else if err := os.Rename(c.dir(m), renamed.dir(m)); err != nil {
			t.Fatal(err)
		}
	}
	s = walk()
	if id, _ := c.row(s); id != nil {
		t.Error("the old name is still shown")
	}
	id, row := renamed.row(s)
	if id == nil || id.ID == old.ID || row[metric.MemCurrent] == metric.Absent {
		t.Errorf("the new name: %+v", id)
	}
	if id, _ := (&group{t, l, renamed.path + "/below"}).row(s); id == nil || id.ID == oldBelow.ID {
		t.Errorf("below the new name: %+v", id)
	}
}

// The arrays grow with the number of cgroups. No group is lost, and all stay the same.
func TestWalkGrows(t *testing.T) {
	l := layout(t)
	top := makeGroup(t, l, "walkgrow")
	m := rankMounts(l)[len(rankMounts(l))-1] // one hierarchy is enough
	const n = 10000
	w := openWalk(t, l)
	t.Cleanup(func() { w.Close() })
	walk := walked(t, w)
	walk()
	for i := range n {
		if err := os.Mkdir(fmt.Sprintf("%s/%d", top.dir(m), i), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ids := map[string]uint64{}
	for _, g := range walk().Groups {
		ids[g.Path] = g.ID
	}
	for i := range n {
		if ids[fmt.Sprintf("%s/%d", top.path, i)] == 0 {
			t.Fatalf("child %d of %d is not shown", i, n)
		}
	}
	for i := 0; i < n; i += 7 {
		if err := os.Remove(fmt.Sprintf("%s/%d", top.dir(m), i)); err != nil {
			t.Fatal(err)
		}
	}
	left := 0
	for _, g := range walk().Groups {
		if !strings.HasPrefix(g.Path, top.path+"/") {
			continue
		}
		left++
		if g.ID != ids[g.Path] {
			t.Fatalf("%s is another group than before", g.Path)
		}
	}
	if want := n - (n+6)/7; left != want {
		t.Errorf("%d children are shown, %d are left", left, want)
	}
	for _, tree := range w.trees {
		if tree.mount == m && tree.prog.Room() < n {
			t.Errorf("room for %d", tree.prog.Room())
		}
	}
}

// The walk has a reason for every part that it cannot read, and for no other.
func TestWalkReasons(t *testing.T) {
	w := sharedWalk(t)
	walk := walked(t, w)
	s := walk()
	for p := range NumParts {
		if w.Parts().Has(p) != (w.Reason(p) == "") {
			t.Errorf("%s: served: %t, reason %q", p, w.Parts().Has(p), w.Reason(p))
		}
	}
	for i, g := range s.Groups {
		for c, v := range s.Row(i) {
			if p := PartOf(c); !w.Parts().Has(p) && v != metric.Absent {
				t.Errorf("%s: %s of a part that is not served is %d", g.Name, metric.Columns(metric.Container)[c].Name, v)
			}
		}
	}
}
