//go:build !race

package cgroups

import "testing"

func TestWalkAllocatesNothing(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "walkalloc")
	for i := range 20 {
		g.child(itoa(int64(i)))
	}
	w := openWalk(t, l)
	defer w.Close()
	var s Snapshot
	walk := func() {
		if err := w.Walk(&s); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		walk()
	}
	if n := leastAllocs(walk); n != 0 {
		t.Errorf("%v allocations a walk", n)
	}
}
