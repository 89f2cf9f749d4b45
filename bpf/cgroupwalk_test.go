package bpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
	"golang.org/x/sys/unix"
)

// hierarchy is a mounted cgroup hierarchy in which cgroups can be made.
func hierarchy(t *testing.T) (dir string, v2 bool) {
	t.Helper()
	if dir = mounted(t, "cgroup2"); dir != "" {
		return dir, true
	}
	if dir = mounted(t, "cgroup"); dir != "" {
		return dir, false
	}
	rig.Missing(t, "a cgroup hierarchy", "none is mounted read-write", "mount cgroup2 on /sys/fs/cgroup")
	return "", false
}

// mounted returns the mount point of the first hierarchy of a kind in which cgroups
// can be made, "" if there is none.
func mounted(t *testing.T, kind string) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 3 && f[2] == kind && strings.HasPrefix(f[3], "rw") {
			return f[1]
		}
	}
	return ""
}

func kernel(t *testing.T) *Kernel {
	t.Helper()
	k, err := LoadKernel()
	if err != nil {
		rig.KernelLacks(t, rig.BTF, err)
	}
	return k
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		rig.Missing(t, "root", err.Error(), "run the tests as root")
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	})
}

// A walk whose runs each end after one cgroup still visits every cgroup that stays
// exactly once while others are made and removed between the runs. Among those
// removed are the cgroup it stopped at, its parents and its siblings.
func TestKernelWalkResumes(t *testing.T) {
	mount, v2 := hierarchy(t)
	top := fmt.Sprintf("%s/daytwo-test-%d-resume", mount, os.Getpid())
	mkdir(t, top)
	stay := []string{top}
	var wide []string
	for i := range 40 {
		p := fmt.Sprintf("%s/p%d", top, i)
		mkdir(t, p)
		stay = append(stay, p)
		for j := range 20 {
			c := fmt.Sprintf("%s/c%d", p, j)
			mkdir(t, c)
			if j%3 == 0 {
				wide = append(wide, c) // some of these are removed during the walk
			} else {
				stay = append(stay, c)
			}
		}
	}
	w, err := kernel(t).NewWalk(WalkOptions{Dir: mount, V2: v2, Records: 1 << 15, IOs: 1, Budget: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	runs, made := 0, 0
	names := map[uint64]string{}
	w.Restart()
	for done := false; !done; runs++ {
		if done, err = w.Next(); err != nil {
			t.Fatal(err)
		}
		last := ""
		for i := range w.Names() {
			record, name := w.Name(i)
			last = string(name)
			names[w.Head(record).Serial] = last
		}
		// Remove the cgroup that the walk stopped at, one that it has passed and one that
		// it has not come to.
		for range 20 {
			if len(wide) == 0 {
				break
			}
			k := slices.IndexFunc(wide, func(d string) bool { return filepath.Base(d) == last })
			k = max(k, 0)
			if err := os.Remove(wide[k]); err != nil {
				t.Fatal(err)
			}
			wide = slices.Delete(wide, k, k+1)
		}
		if made < 30 {
			mkdir(t, fmt.Sprintf("%s/p%d/new%d", top, made, made))
			made++
		}
	}
	if runs < 3 {
		t.Errorf("%d runs: the walk did not cut itself", runs)
	}
	inodes := map[uint64]bool{}
	for i := range w.Count() {
		h := w.Head(i)
		if inodes[h.Id] {
			t.Errorf("cgroup %d (%s) is recorded twice", h.Id, names[h.Serial])
		}
		inodes[h.Id] = true
	}
	for _, dir := range stay {
		if !inodes[inode(t, dir)] {
			t.Errorf("%s is not recorded", dir)
		}
	}
}

// When its array is full a walk counts the other cgroups, and writes nothing.
func TestKernelWalkFull(t *testing.T) {
	mount, v2 := hierarchy(t)
	top := fmt.Sprintf("%s/daytwo-test-%d-full", mount, os.Getpid())
	mkdir(t, top)
	for i := range 10 {
		mkdir(t, fmt.Sprintf("%s/%d", top, i))
	}
	w, err := kernel(t).NewWalk(WalkOptions{Dir: mount, V2: v2, Records: 4, IOs: 1, Budget: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for range 2 {
		w.Restart()
		if done, err := w.Next(); !done || err != nil {
			t.Fatal(done, err)
		}
		if w.Count() < 12 || w.Room() != 4 {
			t.Errorf("%d cgroups counted, room for %d", w.Count(), w.Room())
		}
	}
}

// The flush program loads on every kernel, and the per-CPU offsets are correct.
func TestKernelSetup(t *testing.T) {
	kernel(t)
	_, v2 := hierarchy(t)
	f, err := NewFlusher(Flush{Unified: v2, Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Flush(); err != nil {
		t.Error(err)
	}
	offsets, err := perCPUOffsets()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]bool{}
	for cpu, o := range offsets {
		if o == 0 || seen[o] {
			t.Errorf("CPU %d: per-CPU offset %#x", cpu, o)
		}
		seen[o] = true
	}
	m, err := NewMemory()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	task, err := m.InitTask()
	if err != nil {
		t.Fatal(err)
	}
	page, ok := m.Page(task &^ (PageSize - 1))
	if !ok || len(page) != PageSize {
		t.Errorf("init_task at %#x cannot be read", task)
	}
	if _, ok := m.Page(8); ok {
		t.Error("a page is read where the kernel has none")
	}
}
func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}
