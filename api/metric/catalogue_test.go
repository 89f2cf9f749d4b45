package metric

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "append new columns to testdata/columns.txt")

const golden = "testdata/columns.txt"

// line is what may never change about a column: its place on the wire, its
// name, and what its integers mean.
func line(m *Metric) string {
	return fmt.Sprintf("%d %s %d %s %s/%d %s", m.Kind, m.Kind, m.Column, m.Name, m.Unit, m.Unit, m.Type)
}

func TestColumnsAreOnlyAppended(t *testing.T) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{} // "kind column" to line
	for l := range strings.Lines(string(text)) {
		l = strings.TrimSuffix(l, "\n")
		f := strings.Fields(l)
		if len(f) != 6 {
			t.Fatalf("%s: not a column: %q", golden, l)
		}
		known[f[0]+" "+f[2]] = l
	}
	var added []string
	seen := 0
	for k := Kind(0); k <= MaxKind; k++ {
		for i := range Columns(k) {
			m := &Columns(k)[i]
			was, ok := known[fmt.Sprintf("%d %d", m.Kind, m.Column)]
			switch {
			case !ok:
				added = append(added, line(m))
			case was != line(m):
				t.Errorf("column changed:\n was %s\n now %s\nappend a new column instead", was, line(m))
			}
			if ok {
				seen++
			}
		}
	}
	if seen != len(known) {
		t.Errorf("%d of %d known columns are gone", len(known)-seen, len(known))
	}
	if len(added) == 0 || t.Failed() {
		return
	}
	if !*update {
		t.Fatalf("new columns, not in %s (go test ./api/metric -update appends them):\n%s", golden, strings.Join(added, "\n"))
	}
	text = append(text, strings.Join(added, "\n")+"\n"...)
	if err := os.WriteFile(golden, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	nativeName = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)*$`)
	promFamily = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	promLabels = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*="[^"\\]*"(,|$))+$`)
)

func TestEveryMetricIsComplete(t *testing.T) {
	for k := Kind(0); k <= MaxKind; k++ {
		for i := range Columns(k) {
			m := &Columns(k)[i]
			bad := func(format string, a ...any) {
				t.Helper()
				t.Errorf("%s %s: %s", k, m.Name, fmt.Sprintf(format, a...))
			}
			if m.Kind != k || m.Column != i {
				bad("registered as (%s, %d), stands at %d", m.Kind, m.Column, i)
			}
			if !nativeName.MatchString(m.Name) {
				bad("not a dotted lower-case name")
			}
			if m.Unit > Float {
				bad("unknown unit %d", m.Unit)
			}
			if m.Type > Counter {
				bad("unknown type %d", m.Type)
			}
			if m.Source == "" {
				bad("no source")
			}
			if m.Help == "" || !strings.HasSuffix(m.Help, ".") {
				bad("help %q is not a sentence", m.Help)
			}
			family, labels := SplitProm(m.Prom)
			if !promFamily.MatchString(family) {
				bad("%q is no Prometheus name", m.Prom)
			}
			if strings.Contains(m.Prom, "{") && !promLabels.MatchString(labels) {
				bad("%q has no valid Prometheus labels", m.Prom)
			}
			if got, ok := Find(k, m.Name); !ok || got != m {
				bad("Find gives another metric, column %d", got.Column)
			}
		}
	}
}

// One series must come from one column, and a family has one type.
func TestPrometheusNamesDoNotClash(t *testing.T) {
	series, types := map[string]*Metric{}, map[string]*Metric{}
	for k := Kind(0); k <= MaxKind; k++ {
		for i := range Columns(k) {
			m := &Columns(k)[i]
			if other, ok := series[m.Prom]; ok {
				t.Errorf("%s is both %s %s and %s %s", m.Prom, other.Kind, other.Name, k, m.Name)
			}
			series[m.Prom] = m
			family, _ := SplitProm(m.Prom)
			if other, ok := types[family]; ok && other.Type != m.Type {
				t.Errorf("%s is a %s by %s, a %s by %s", family, other.Type, other.Name, m.Type, m.Name)
			}
			types[family] = m
		}
	}
}

func TestDCOSNamesDoNotClash(t *testing.T) {
	node := []Kind{Host, CPU, Disk, Filesystem, Interface}
	for _, kinds := range [][]Kind{node, {Container, ContainerIO, ContainerHugetlb, ContainerNet}} {
		seen := map[string]*Metric{}
		for _, k := range kinds {
			for i := range Columns(k) {
				m := &Columns(k)[i]
				for _, n := range strings.Fields(m.DCOS) {
					if other, ok := seen[n]; ok {
						t.Errorf("%s is both %s %s and %s %s", n, other.Kind, other.Name, k, m.Name)
					}
					seen[n] = m
				}
			}
		}
	}
}

// The node names of the DC/OS metrics API, all of them.
func TestEveryDCOSNodeNameIsThere(t *testing.T) {
	want := `system.uptime process.count load.1min load.5min load.15min
		cpu.cores cpu.total cpu.user cpu.system cpu.idle cpu.wait
		filesystem.capacity.total filesystem.capacity.used filesystem.capacity.free
		filesystem.inode.total filesystem.inode.used filesystem.inode.free
		network.in network.in.packets network.in.dropped network.in.errors
		network.out network.out.packets network.out.dropped network.out.errors
		memory.total memory.free memory.buffers memory.cached swap.total swap.free swap.used`
	have := map[string]bool{}
	for _, k := range []Kind{Host, Filesystem, Interface} {
		for _, m := range Columns(k) {
			have[m.DCOS] = true
		}
	}
	for _, n := range strings.Fields(want) {
		if !have[n] {
			t.Errorf("no metric is DC/OS's %s", n)
		}
	}
}

func TestValue(t *testing.T) {
	for _, c := range []struct {
		unit Unit
		v    int64
		want float64
	}{{Count, 7, 7}, {Bytes, 1 << 40, 1 << 40}, {Nanoseconds, 1_500_000_000, 1.5}, {Milli, 140, 0.14}, {Bool, 1, 1},
		{Seconds, 60, 60}} {
		m := Metric{Unit: c.unit}
		if got := m.Value(c.v); got != c.want {
			t.Errorf("%d in %s is %v, want %v", c.v, c.unit, got, c.want)
		}
	}
}
