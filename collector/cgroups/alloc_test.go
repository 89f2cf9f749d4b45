//go:build !race

package cgroups

import (
	"testing"
	"time"
)

// Each reading stands for one tick. None may allocate while no group is made or removed.

// leastAllocs returns the fewest allocations of several runs, as other programs may
// make or remove groups during a run, which does allocate. It tries for half a minute at
// most: beside thousands of groups of other programs a reading takes long.
func leastAllocs(f func()) float64 {
	least := testing.AllocsPerRun(20, f)
	for end := time.Now().Add(30 * time.Second); least > 0 && time.Now().Before(end); {
		least = min(least, testing.AllocsPerRun(10, f))
	}
	return least
}

func TestFilesAllocateNothing(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "alloc")
	for i := range 20 {
		g.child(itoa(int64(i)))
	}
	for _, budget := range []int{10000, 40} {
		f := openFiles(t, l)
		f.budget = budget
		var s Snapshot
		for range 5 {
			readAll(t, f, &s)
		}
		if n := leastAllocs(func() { readAll(t, f, &s) }); n != 0 {
			t.Errorf("budget %d: %v allocations a reading", budget, n)
		}
	}
}

func TestReaderAllocatesNothing(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "allocreader")
	for i := range 20 {
		g.child(itoa(int64(i)))
	}
	for _, o := range []Options{{Log: quiet()}, {Log: quiet(), NoBPF: true}} {
		r := openReader(t, o)
		for range 5 {
			readSnapshot(t, r)
		}
		if n := leastAllocs(func() { readSnapshot(t, r) }); n != 0 {
			t.Errorf("NoBPF=%t: %v allocations a reading", o.NoBPF, n)
		}
	}
}

func TestDeviceNameAllocatesNothing(t *testing.T) {
	d := someDevice(t)
	DeviceName(d.Major, d.Minor)
	if n := testing.AllocsPerRun(100, func() { DeviceName(d.Major, d.Minor) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
