package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"golang.org/x/sys/unix"
)

// group is a cgroup that a test made, in every hierarchy that is read.
type group struct {
	t    testing.TB
	l    *Layout
	path string
}

func layout(t testing.TB) *Layout {
	t.Helper()
	l, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// makeGroup makes /daytwo-test-<pid>-<name>, and removes it with all groups below it
// after the test.
func makeGroup(t testing.TB, l *Layout, name string) *group {
	t.Helper()
	g := &group{t, l, fmt.Sprintf("/daytwo-test-%d-%s", os.Getpid(), name)}
	t.Cleanup(func() {
		for _, m := range rankMounts(l) {
			var dirs []string
			filepath.WalkDir(g.dir(m), func(p string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					dirs = append(dirs, p)
				}
				return nil
			})
			for _, d := range slices.Backward(dirs) {
				err := os.Remove(d)
				for try := 0; errors.Is(err, unix.EBUSY) && try < 500; try++ {
					time.Sleep(10 * time.Millisecond) // EBUSY: its processes are still exiting
					err = os.Remove(d)
				}
				if err != nil {
					t.Errorf("left behind: %v", err)
				}
			}
		}
	})
	g.make()
	return g
}

// child makes a cgroup below g.
func (g *group) child(name string) *group {
	g.t.Helper()
	c := &group{g.t, g.l, g.path + "/" + name}
	c.make()
	return c
}

func (g *group) make() {
	g.t.Helper()
	for _, m := range rankMounts(g.l) {
		dir := g.dir(m)
		enable(filepath.Dir(dir))
		if err := os.Mkdir(dir, 0o755); err != nil {
			g.t.Fatalf("make a cgroup (as root, with the hierarchy mounted read-write): %v", err)
		}
	}
}

// enable enables a v2 group's controllers for its children. It does nothing on v1,
// which has no such file.
func enable(dir string) {
	have, err := os.ReadFile(dir + "/cgroup.controllers")
	if err != nil {
		return
	}
	for _, c := range strings.Fields(string(have)) {
		os.WriteFile(dir+"/cgroup.subtree_control", []byte("+"+c), 0) // some controllers cannot be enabled
	}
}

func (g *group) dir(m int) string { return g.l.Mounts[m].Dir + g.path }

func (g *group) remove() {
	for _, m := range rankMounts(g.l) {
		os.Remove(g.dir(m))
	}
}

// write writes a file of the group, in the hierarchy that has it.
func (g *group) write(file, value string) {
	g.t.Helper()
	for _, m := range rankMounts(g.l) {
		if _, err := os.Stat(g.dir(m) + "/" + file); err == nil {
			if err := os.WriteFile(g.dir(m)+"/"+file, []byte(value), 0); err != nil {
				g.t.Fatal(err)
			}
			return
		}
	}
	g.t.Fatalf("no hierarchy has %s", file)
}

// row returns the group and its row, nil if the snapshot does not have it.
func (g *group) row(s *Snapshot) (*Group, []int64) {
	for i := range s.Groups {
		if s.Groups[i].Path == g.path {
			return s.Groups[i], s.Row(i)
		}
	}
	return nil, nil
}

func openFiles(t testing.TB, l *Layout) *files {
	t.Helper()
	f, err := newFiles(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func readAll(t testing.TB, f *files, s *Snapshot) {
	t.Helper()
	if err := f.Read(s, AllParts); err != nil {
		t.Fatal(err)
	}
}

// show logs the values that are not absent.
func show(t testing.TB, row []int64) {
	for c, v := range row {
		if v != metric.Absent {
			t.Logf("%s = %d", metric.Columns(metric.Container)[c].Name, v)
		}
	}
}

func TestFilesLimits(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "limits")
	f := openFiles(t, l)
	var s Snapshot
	readAll(t, f, &s)
	id, row := g.row(&s)
	if row == nil {
		t.Fatal("the group is not shown")
	}
	show(t, row)
	if got := row[metric.MemMax]; got != metric.Unlimited {
		t.Errorf("memory.max of a new group = %d, want Unlimited", got)
	}
	if got := row[metric.CPUQuota]; got != metric.Unlimited {
		t.Errorf("cpu.quota of a new group = %d, want Unlimited", got)
	}
	for _, want := range []int64{64 << 20, 32 << 20, 48 << 20} {
		if l.v2(l.Memory) {
			g.write("memory.max", itoa(want))
			g.write("cpu.max", itoa(want>>20)+"000 50000")
		} else {
			g.write("memory.limit_in_bytes", itoa(want))
			g.write("cpu.cfs_quota_us", itoa(want>>20)+"000")
			g.write("cpu.cfs_period_us", "50000")
		}
		g.write("pids.max", itoa(want>>20))
		readAll(t, f, &s)
		again, row := g.row(&s)
		if again != id {
			t.Error("a group that did not change is another Group")
		}
		if row[metric.MemMax] != want || row[metric.PidsMax] != want>>20 || row[metric.CPUQuota] != want>>20*1e6 ||
			row[metric.CPUPeriod] != 50e6 {
			t.Errorf("after writing %d: memory.max %d, pids.max %d, quota %d, period %d", want, row[metric.MemMax],
				row[metric.PidsMax], row[metric.CPUQuota], row[metric.CPUPeriod])
		}
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// When the budget of descriptors is used up, files are opened for each reading, and
// the values are the same.
func TestFilesBudget(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "budget")
	for i := range 5 {
		g.child(itoa(int64(i))).write("pids.max", itoa(int64(i+10)))
	}
	f := openFiles(t, l)
	for _, budget := range []int{1000, 5, 0, 200} {
		f.budget = budget
		f.plan()
		var s Snapshot
		for range 2 {
			readAll(t, f, &s)
			for i := range 5 {
				c := group{t, l, g.path + "/" + itoa(int64(i))}
				if _, row := c.row(&s); row[metric.PidsMax] != int64(i+10) || row[metric.MemCurrent] != 0 ||
					row[metric.StatAnon] != 0 {
					t.Fatalf("budget %d: pids.max %s, memory.current %s", budget, value(row[metric.PidsMax]),
						value(row[metric.MemCurrent]))
				}
			}
		}
		if f.openFDs > budget {
			t.Errorf("%d descriptors are kept, the budget is %d", f.openFDs, budget)
		}
		if budget == 1000 && f.openFDs < 100 {
			t.Errorf("only %d descriptors are kept", f.openFDs)
		}
	}
}

// A change of a part that was not read for a while shows when it is read again.
func TestFilesPartsVary(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "vary")
	f := openFiles(t, l)
	var s Snapshot
	readAll(t, f, &s)
	g.write("pids.max", "12")
	if err := f.Read(&s, AllParts&^(1<<PartPids)); err != nil {
		t.Fatal(err)
	}
	readAll(t, f, &s)
	if _, row := g.row(&s); row[metric.PidsMax] != 12 {
		t.Errorf("pids.max = %s, want 12", value(row[metric.PidsMax]))
	}
}
