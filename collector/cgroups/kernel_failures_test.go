package cgroups

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/load"
)

// statText returns the items of a group's memory.stat.
func (g *group) statText() map[string]int64 {
	g.t.Helper()
	b, err := os.ReadFile(g.dir(g.l.Memory) + "/memory.stat")
	if err != nil {
		g.t.Fatal(err)
	}
	items := map[string]int64{}
	for line := range strings.Lines(string(b)) {
		name, num, _ := strings.Cut(strings.TrimSpace(line), " ")
		if items[name], err = strconv.ParseInt(num, 10, 64); err != nil {
			g.t.Fatal(err)
		}
	}
	return items
}

// Page faults of scope "container" are a group's own on cgroup v1, where the kernel's
// text has them apart from the total, and the total on v2, where it has no others. So
// does cAdvisor.
func TestKernelOwnFailures(t *testing.T) {
	k := startKernel(t, "failures")
	k.needMemory()
	pause := func(p *load.Process) {
		t.Helper()
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		if err := p.Pause(); err != nil {
			t.Fatal(err)
		}
	}
	pause(k.child("child").start(load.Work{Anon: 8 << 20}))
	v2 := k.l.v2(k.l.Memory)
	if !v2 { // v2 allows no process in a group with children, on a hybrid machine neither
		p, err := load.Start(load.Work{Anon: 1 << 20, Cgroups: []string{k.dir(k.l.Memory)}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Stop)
		pause(p)
	}
	total := "total_"
	if v2 {
		total = ""
	}
	for _, noBPF := range []bool{false, true} {
		r := openReader(t, Options{Layout: k.l, NoBPF: noBPF, Log: quiet()})
		_, row := k.row(readSnapshot(t, r)) // by BPF before the text is read: see kernel_test.go
		text := k.statText()
		for _, c := range []struct {
			column int
			item   string
		}{
			{metric.FailuresPgfault, "pgfault"}, {metric.FailuresPgmajfault, "pgmajfault"},
			{metric.StatPgfault, total + "pgfault"}, {metric.StatPgmajfault, total + "pgmajfault"},
		} {
			if want, ok := text[c.item]; !ok || row[c.column] != want {
				t.Errorf("without BPF %t: %s is %d, memory.stat's %s is %d", noBPF,
					metric.Columns(metric.Container)[c.column].Name, row[c.column], c.item, want)
			}
		}
		if !v2 && (row[metric.FailuresPgfault] == 0 || row[metric.FailuresPgfault] >= row[metric.StatPgfault]) {
			t.Errorf("without BPF %t: %d own faults, %d with the child's", noBPF, row[metric.FailuresPgfault],
				row[metric.StatPgfault])
		}
		r.Close()
	}
}
