package cgroups

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
)

func openReader(t testing.TB, o Options) *Reader {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func readSnapshot(t testing.TB, r *Reader) *Snapshot {
	t.Helper()
	s, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestReaderFilesOnly(t *testing.T) {
	g := makeGroup(t, layout(t), "reader")
	r := openReader(t, Options{NoBPF: true, Log: quiet()})
	s := readSnapshot(t, r)
	id, row := g.row(s)
	if id == nil {
		t.Fatal("the group is not shown")
	}
	if row[metric.Created] != metric.Absent {
		t.Errorf("start of a group without a process: %d", row[metric.Created])
	}
	for _, st := range r.Status() {
		if st.Reader == "bpf" || st.Reason == "" {
			t.Errorf("without BPF: %+v", st)
		}
	}
	g.remove()
	s = readSnapshot(t, r)
	if id, _ := g.row(s); id != nil {
		t.Error("a removed group is still shown at the next reading")
	}
}

func TestReaderNames(t *testing.T) {
	l := layout(t)
	top := makeGroup(t, l, "names")
	r := openReader(t, Options{NoBPF: true, Log: quiet()})
	readSnapshot(t, r)
	odd := top.child("a\xff b\\c")
	utf8 := top.child("größe")
	s := readSnapshot(t, r)
	if g, _ := odd.row(s); g == nil || g.Name != top.path+`/a\xff b\c` {
		t.Errorf("the name of bytes: %+v", g)
	}
	if g, _ := utf8.row(s); g == nil || g.Name != utf8.path {
		t.Errorf("the name in UTF-8: %+v", g)
	}
}

// A group made again at the same path is another group.
func TestKernelReaderSamePath(t *testing.T) {
	g := makeGroup(t, layout(t), "same")
	r := openReader(t, Options{NoBPF: true, Log: quiet()})
	first, _ := g.row(readSnapshot(t, r))
	gen := r.snap.Gen
	if readSnapshot(t, r).Gen != gen && !busy(r) {
		t.Error("Gen changed without a change of groups")
	}
	for range 3 {
		g.remove()
		g.make()
		again, row := g.row(readSnapshot(t, r))
		if again == nil || again == first || again.ID == first.ID || again.Inode == first.Inode {
			t.Fatalf("made again: %+v, before: %+v", again, first)
		}
		if row[metric.PidsCurrent] != 0 {
			t.Errorf("pids.current of the new group = %s", value(row[metric.PidsCurrent]))
		}
		first = again
	}
}

// busy reports whether other programs have made or removed groups on this machine.
func busy(r *Reader) bool { return r.files.tree.stats.overflows > 0 || r.files.tree.gen > 1 }

func TestReaderRename(t *testing.T) {
	l := layout(t)
	if l.Mode == "unified" {
		rig.KernelLacks(t, rig.CgroupV1(""), errors.New("cgroup v2 has no rename"))
	}
	g := makeGroup(t, l, "rename")
	c := g.child("old")
	below := c.child("below")
	r := openReader(t, Options{NoBPF: true, Log: quiet()})
	old, _ := c.row(readSnapshot(t, r))
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
	below2 := &group{t, l, renamed.path + "/below"}
	for range 3 {
		s := readSnapshot(t, r)
		if id, _ := c.row(s); id != nil {
			t.Error("the old name is still shown")
		}
		id, row := renamed.row(s)
		if id == nil || id.ID == old.ID || row[metric.MemCurrent] == metric.Absent {
			t.Fatalf("the new name: %+v", id)
		}
		if id, _ := below2.row(s); id == nil {
			t.Error("the group below the renamed one is not shown")
		}
	}
	// The watches moved to the new name: a group made below it is seen at once.
	late := renamed.child("late")
	if id, _ := late.row(readSnapshot(t, r)); id == nil {
		t.Error("a group made below the renamed one is not shown")
	}
	late.remove()
	below2.remove()
	renamed.remove()
	if id, _ := renamed.row(readSnapshot(t, r)); id != nil {
		t.Error("the removed group is still shown")
	}
}

// Many groups are made and removed between readings and during them, at several levels.
func TestReaderManyComeAndGo(t *testing.T) {
	l := layout(t)
	top := makeGroup(t, l, "many")
	r := openReader(t, Options{NoBPF: true, Log: quiet()})
	done := make(chan struct{})
	stop := make(chan struct{})
	churn := top.child("churn")
	go func() {
		defer close(done)
		dir := churn.dir(rankMounts(l)[0])
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := dir + "/x" + itoa(int64(i%7))
			os.Mkdir(name, 0o755)
			os.Remove(name)
		}
	}()
	for round := range 4 {
		var made []*group
		for i := range 40 {
			p := top.child("p" + itoa(int64(i)))
			made = append(made, p, p.child("a"), p.child("b"))
		}
		s := readSnapshot(t, r)
		for _, g := range made {
			if id, _ := g.row(s); id == nil {
				t.Fatalf("round %d: %s is not shown", round, g.path)
			}
		}
		for _, g := range slices.Backward(made) {
			g.remove()
		}
		s = readSnapshot(t, r)
		for _, g := range s.Groups {
			if strings.HasPrefix(g.Path, top.path+"/p") {
				t.Fatalf("round %d: %s is shown after its end", round, g.Path)
			}
		}
	}
	close(stop)
	<-done
}

// When inotify's limits are reached, every directory is scanned on every tick.
func TestReaderWithoutInotify(t *testing.T) {
	l := layout(t)
	top := makeGroup(t, l, "nowatch")
	f := openFiles(t, l)
	var s Snapshot
	readAll(t, f, &s)
	f.tree.close()
	tree, err := newTree(l, f.roots, f.rank, false)
	if err != nil {
		t.Fatal(err)
	}
	f.tree = tree
	readAll(t, f, &s)
	c := top.child("c")
	readAll(t, f, &s)
	if id, _ := c.row(&s); id == nil {
		t.Fatal("a new group is not shown")
	}
	c.write("pids.max", "7")
	readAll(t, f, &s)
	if _, row := c.row(&s); row[metric.PidsMax] != 7 {
		t.Errorf("pids.max = %s, want 7", value(row[metric.PidsMax]))
	}
	c.remove()
	readAll(t, f, &s)
	if id, _ := c.row(&s); id != nil {
		t.Error("a removed group is still shown")
	}
}

// Limits and states are read again after they are written, and after a write to another
// file that changes them.
func TestKernelReaderSeesWrites(t *testing.T) {
	l := layout(t)
	top := makeGroup(t, l, "writes")
	g := top.child("g")
	r := openReader(t, Options{NoBPF: true, Log: quiet()})
	for range 3 {
		readSnapshot(t, r)
	}
	expect := func(what string, col int, want int64) {
		t.Helper()
		if _, row := g.row(readSnapshot(t, r)); row[col] != want {
			t.Errorf("%s: %s = %s, want %d", what, metric.Columns(metric.Container)[col].Name, value(row[col]), want)
		}
	}
	for _, n := range []string{"9", "10"} {
		g.write("pids.max", n)
		want, _ := strconv.ParseInt(n, 10, 64)
		expect("a limit", metric.PidsMax, want)
	}
	for _, frozen := range []int64{1, 0, 1, 0} {
		word := [2]string{"THAWED", "FROZEN"}[frozen]
		top.limit(l.Freezer, "cgroup.freeze", "freezer.state", itoa(frozen), word)
		time.Sleep(50 * time.Millisecond)
		expect("the parent's freezer", metric.Frozen, frozen)
		expect("the parent's freezer, again", metric.Frozen, frozen)
	}
	if l.v2(l.CPU) {
		g.write("cpu.idle", "1")
		text, err := os.ReadFile(g.dir(l.CPU) + "/cpu.weight") // 0, or 1 on newer kernels
		if err != nil {
			t.Fatal(err)
		}
		expect("cpu.idle", metric.CPUWeight, parseValue(text))
	} else {
		g.write("cpu.shares", "2048")
		expect("cpu.shares", metric.CPUShares, 2048)
	}
}

// The rolling scan finds changes whose inotify events were lost.
func TestKernelReaderEventsLost(t *testing.T) {
	l := layout(t)
	top := makeGroup(t, l, "lost")
	gone := top.child("gone")
	f := openFiles(t, l)
	var s Snapshot
	readAll(t, f, &s)
	late := top.child("late")
	top.write("pids.max", "77")
	gone.remove()
	buf := make([]byte, 64<<10)
	for {
		if n, errno := read(f.tree.notify, buf); errno != 0 || n <= 0 {
			break
		}
	}
	for range len(s.Groups) + 2 {
		readAll(t, f, &s)
	}
	if id, _ := late.row(&s); id == nil {
		t.Error("a new group is not shown")
	}
	if id, _ := gone.row(&s); id != nil {
		t.Error("a removed group is shown")
	}
	if _, row := top.row(&s); row[metric.PidsMax] != 77 {
		t.Errorf("pids.max = %s, want 77", value(row[metric.PidsMax]))
	}
	if f.tree.stats.missed == 0 {
		t.Error("the scan does not count what inotify missed")
	}
}

// If a walk fails, the same tick is read from files.
func TestKernelReaderWalkFails(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "fails")
	p := g.start(load.Work{CPU: 10 * time.Millisecond})
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	w := &failingWalk{walk: sharedWalk(t)}
	r, err := newReader(Options{Layout: l, Log: quiet()}, w, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	var id uint64
	var usage int64
	for i := range 12 {
		w.fail = i%4 == 3
		s := readSnapshot(t, r)
		now, row := g.row(s)
		if now == nil {
			t.Fatalf("reading %d: the group is not shown", i)
		}
		if id != 0 && now.ID != id {
			t.Errorf("reading %d: another ID", i)
		}
		if row[metric.CPUUsage] < max(usage, 10e6) {
			t.Errorf("reading %d: cpu.usage %s after %d", i, value(row[metric.CPUUsage]), usage)
		}
		if row[metric.Processes] != 1 {
			t.Errorf("reading %d: processes = %s", i, value(row[metric.Processes]))
		}
		id, usage = now.ID, row[metric.CPUUsage]
	}
	if n := r.Stats().WalkErrors; n != 3 {
		t.Errorf("WalkErrors = %d, want 3", n)
	}
	if st := r.Status()[PartCPU]; st.Reader != "bpf" {
		t.Errorf("a failure now and then is no reason to leave: %+v", st)
	}
}

// failingWalk is the shared walk, which at times fails after half of its work.
type failingWalk struct {
	*walk
	fail bool
}

func (w *failingWalk) Close() error { return nil }

func (w *failingWalk) Walk(s *Snapshot) error {
	err := w.walk.Walk(s)
	if w.fail {
		clear(s.Vals)
		return errors.New("made to fail")
	}
	return err
}

// An open cgroup.procs of v1 goes on showing the old list, so it must be opened again.
func TestKernelReaderProcessesComeAndGo(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "procs")
	r := openReader(t, Options{NoBPF: true, Log: quiet()})
	for _, want := range []int64{0, 1, 3, 0, 2} {
		var ps []*load.Process
		for range want {
			p := g.start(load.Work{})
			if err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			ps = append(ps, p)
		}
		time.Sleep(30 * time.Millisecond) // cgroup.events reports up to 10 ms late
		_, row := g.row(readSnapshot(t, r))
		if row[metric.Processes] != want {
			t.Errorf("processes = %s, want %d", value(row[metric.Processes]), want)
		}
		if row[metric.Threads] < want {
			t.Errorf("threads = %s, want at least %d", value(row[metric.Threads]), want)
		}
		if row[metric.Populated] != min(want, 1) {
			t.Errorf("populated = %s with %d processes", value(row[metric.Populated]), want)
		}
		for _, p := range ps {
			p.Stop()
		}
	}
}
