package cgroups

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
)

// openWalk opens the real walk. It skips the test if BPF cannot run here.
func openWalk(t testing.TB, l *Layout) *walk {
	t.Helper()
	w, err := newWalk(l)
	if err != nil {
		rig.Missing(t, "the BPF walk", err.Error(), "a kernel with BTF, and root")
	}
	return w
}

// A part that differs is read from files from then on, and an error is logged. Groups
// stay the same, and no counter decreases.
func TestKernelReaderForcedMismatch(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "mismatch")
	p := g.start(load.Work{CPU: 20 * time.Millisecond})
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	served := sharedWalk(t).Parts()
	for part := range NumParts {
		if !served.Has(part) {
			continue
		}
		if os.Getenv("DAYTWO_VM") != "" && part != PartGroups && part != PartCPU {
			continue // emulation is slow, and one part stands for the others
		}
		t.Run(part.String(), func(t *testing.T) {
			var log bytes.Buffer
			r := sharedReader(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil)), ForceMismatch: []Part{part}})
			if st := r.Status()[part]; st.Reader != "bpf" {
				t.Fatalf("before: %+v\n%s", st, &log)
			}
			var last map[string]int64
			var id *Group
			for range 40 * checkTries {
				s := readSnapshot(t, r)
				now, row := g.row(s)
				if now == nil {
					t.Fatal("the group is not shown")
				}
				if id != nil && now.ID != id.ID {
					t.Fatalf("the group changed its identity: %+v, %+v", id, now)
				}
				id = now
				counters := map[string]int64{}
				for c, v := range row {
					m := &metric.Columns(metric.Container)[c]
					if m.Type != metric.Counter || v == metric.Absent {
						continue
					}
					if was, ok := last[m.Name]; ok && v < was {
						t.Fatalf("%s steps back from %d to %d", m.Name, was, v)
					}
					counters[m.Name] = v
				}
				if last != nil && len(counters) != len(last) {
					t.Fatalf("%d counters, %d before", len(counters), len(last))
				}
				last = counters
			}
			st := r.Status()[part]
			if st.Reader != "files" || st.Reason == "" {
				t.Errorf("after: %+v", st)
			}
			if n := r.Stats().Mismatches[part]; n != 1 {
				t.Errorf("mismatches = %d, want 1", n)
			}
			if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), part.String()) {
				t.Errorf("the log does not tell:\n%s", &log)
			}
			for _, other := range r.Status() {
				if other.Part != part && part != PartGroups && served.Has(other.Part) && other.Reader != "bpf" {
					t.Errorf("another part fell back too: %+v", other)
				}
			}
		})
	}
}

// No part is handed over to files without a cause, even while groups are busy, made
// and removed.
func TestReaderNoFalseAlarm(t *testing.T) {
	l := layout(t)
	g := makeGroup(t, l, "alarm")
	var log bytes.Buffer
	r := sharedReader(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	before := r.Status()
	p := g.start(load.Work{CPU: 5 * time.Second})
	p2 := g.start(load.Work{CPU: 200 * time.Millisecond, Fork: 20, Anon: 64 << 20, Threads: 10})
	for i := range 300 {
		c := g
		if l.Mode != "unified" {
			c = g.child("c" + itoa(int64(i)))
		}
		readSnapshot(t, r)
		if c != g {
			c.remove()
		}
	}
	p.Stop()
	p2.Stop()
	for i, st := range r.Status() {
		if st.Reader != before[i].Reader {
			t.Errorf("%s was read by %s and is read by %s: %s", st.Part, before[i].Reader, st.Reader, st.Reason)
		}
	}
	if r.Stats().Checks < 50 {
		t.Errorf("only %d checks were made", r.Stats().Checks)
	}
}

func TestCompare(t *testing.T) {
	counter := &metric.Columns(metric.Container)[metric.StatPgfault]
	gauge := &metric.Columns(metric.Container)[metric.PidsCurrent]
	nanos := &metric.Columns(metric.Container)[metric.CPUUsage]
	absent := metric.Absent
	for _, c := range []struct {
		m                   *metric.Metric
		before, text, after int64
		want                verdict
	}{
		{counter, 5, 5, 5, agrees}, {counter, 5, 7, 9, agrees}, {counter, 5, 4, 9, differs}, {counter, 5, 10, 9, differs},
		{gauge, 5, 5, 9, agrees}, {gauge, 9, 7, 5, agrees}, {gauge, 5, 10, 9, moves}, {gauge, 5, 6, 5, differs},
		{nanos, 5999, 5000, 5999, agrees}, {nanos, 7001, 5000, 7001, differs},
		{gauge, absent, absent, absent, agrees}, {gauge, absent, 5, absent, differs}, {gauge, 5, absent, 5, differs},
		{gauge, absent, 5, 5, agrees}, {gauge, absent, 5, 6, moves},
	} {
		if got := compare(c.m, c.before, c.text, c.after); got != c.want {
			t.Errorf("%s: compare(%s, %s, %s) = %d, want %d", c.m.Name, value(c.before), value(c.text), value(c.after), got,
				c.want)
		}
	}
}

func TestFloor(t *testing.T) {
	w := metric.Width(metric.Container)
	g := &Group{ID: 3, Path: "/a"}
	s := &Snapshot{Gen: 1, Groups: []*Group{g}, Vals: make([]int64, w)}
	set := func(usage, pgfault, current int64) {
		row := s.Row(0)
		row[metric.CPUUsage], row[metric.StatPgfault], row[metric.MemCurrent] = usage, pgfault, current
	}
	var f floor
	set(5_000_999, 1e9, 100)
	f.record(s, AllParts)
	f.vals = append([]int64(nil), s.Vals...)
	f.hold(AllParts)
	set(5_000_000, 5, 50)
	if n := f.apply(s); n != 1 || s.Row(0)[metric.CPUUsage] != 5_000_999 {
		t.Errorf("a truncated counter: %d lifted, cpu.usage %d", n, s.Row(0)[metric.CPUUsage])
	}
	if got := s.Row(0)[metric.StatPgfault]; got != 5 {
		t.Errorf("a counter that was wrong before is held at %d", got)
	}
	if got := s.Row(0)[metric.MemCurrent]; got != 50 {
		t.Errorf("a gauge is held at %d", got)
	}
	set(5_001_000, 6, 50)
	if n := f.apply(s); n != 0 || s.Row(0)[metric.CPUUsage] != 5_001_000 {
		t.Errorf("a counter that caught up: %d lifted, cpu.usage %d", n, s.Row(0)[metric.CPUUsage])
	}
	if f.rows != nil {
		t.Error("rows are kept although nothing is held any more")
	}
}

// A group that keeps starting and ending processes has values between two walks that
// neither walk saw. This is not counted as a mistake of the walk.
func TestCheckBesideForks(t *testing.T) {
	l := layout(t)
	w := sharedWalk(t)
	if !w.Parts().Has(PartTasks) {
		rig.KernelLacks(t, rig.InitialPIDs, fmt.Errorf("tasks are not read by BPF: %s", w.Reason(PartTasks)))
	}
	c, err := newChecker(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.files.Close() })
	g := makeGroup(t, l, "forks")
	g.start(load.Work{Fork: 1 << 20}) // until the test ends
	var s Snapshot
	walk := func() int {
		if err := w.Walk(&s); err != nil {
			t.Fatal(err)
		}
		return slices.IndexFunc(s.Groups, func(group *Group) bool { return group.Path == g.path })
	}
	apart := 0 // comparisons in which the text differed from both walks
	for range 100 {
		i := walk()
		if i < 0 {
			t.Fatal("the group is not shown")
		}
		pend := pending{group: s.Groups[i], parts: w.Parts() &^ (1 << PartGroups)}
		for pend.parts != 0 {
			c.take(&pend, &s, i)
			i = walk()
			differed := c.judge(&pend, &s, i)
			if differed != 0 {
				apart++
			}
			if bad := pend.settle(differed); bad != 0 {
				t.Fatalf("parts %b differ after %d tries: %v", bad, pend.tries, c.why)
			}
		}
	}
	t.Logf("%d comparisons had other numbers in the text", apart)
}

func TestSettle(t *testing.T) {
	const tasks, cpu = 1 << PartTasks, 1 << PartCPU
	for name, c := range map[string]struct {
		differed func(try int) (parts, counters Parts)
		want     int // the try at which a part is proven to differ, 0 if none is
	}{
		"a counter": {func(int) (Parts, Parts) { return cpu, cpu }, checkTries},
		"a counter, then a gauge": {
			func(try int) (Parts, Parts) { return cpu, Parts(min(1, 4/try)) * cpu }, gaugeTries},
		"a gauge": {func(int) (Parts, Parts) { return tasks, 0 }, gaugeTries},
		"a gauge for a while": {
			func(try int) (Parts, Parts) { return Parts(min(1, gaugeTries-try)) * tasks, 0 }, 0},
		"a gauge beside a counter":      {func(int) (Parts, Parts) { return cpu | tasks, cpu }, checkTries},
		"a counter that was right once": {func(try int) (Parts, Parts) { return Parts(min(1, 4/try)) * cpu, cpu }, 0},
	} {
		p := pending{parts: cpu | tasks}
		got := 0
		for try := 1; try <= gaugeTries && p.parts != 0 && got == 0; try++ {
			var differed Parts
			differed, p.counters = c.differed(try)
			if p.settle(differed) != 0 {
				got = try
			}
		}
		if got != c.want {
			t.Errorf("%s: proven at try %d, want %d", name, got, c.want)
		}
	}
}
