package prom

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

// TestNamesOfPeers compares names, types and labels with what cAdvisor and
// node_exporter serve.
func TestNamesOfPeers(t *testing.T) {
	for _, file := range []string{"testdata/cadvisor.txt", "testdata/node_exporter.txt"} {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		n := 0
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "#") {
				continue
			}
			n++
			name, rest, _ := strings.Cut(lines.Text(), " ")
			typ, labels, _ := strings.Cut(rest, " ")
			comparePeer(t, name, typ, labels)
		}
		if n < 50 {
			t.Errorf("%s has %d families", file, n)
		}
	}
}

func comparePeer(t *testing.T, name, typ, labels string) {
	t.Helper()
	i := slices.IndexFunc(families, func(f family) bool { return f.name == name })
	if i < 0 {
		t.Errorf("%s is not served", name)
		return
	}
	f := families[i]
	if f.typ != typ {
		t.Errorf("%s is a %s, want %s", name, f.typ, typ)
	}
	for _, s := range f.samples {
		if s.kind == metric.Hardware { // the labels differ from row to row: see TestMachineFamilies
			for label := range strings.SplitSeq(labels, ",") {
				if !slices.Contains(exposedLabels[s.kind], label) {
					t.Errorf("%s has no label %q", name, label)
				}
			}
			continue
		}
		if got := ownLabels(s); got != labels {
			t.Errorf("%s has the labels %q, want %q", name, got, labels)
		}
	}
}

// ownLabels are a sample's labels beside those of its container, sorted.
func ownLabels(s sample) string {
	var names []string
	if s.kind != metric.Container {
		names = append(names, exposedLabels[s.kind]...)
	}
	if s.kind == metric.ContainerIO {
		names = append(names, "device")
		if s.long {
			names = append(names, "major", "minor")
		}
	}
	if s.machine {
		names = append(names, metric.MachineLabels...)
	}
	for fixed := range strings.SplitSeq(s.labels, ",") {
		if name, _, ok := strings.Cut(fixed, "="); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func TestFamiliesAreConsistent(t *testing.T) {
	for _, f := range families {
		if f.help == "" {
			t.Errorf("%s has no help", f.name)
		}
		seen := map[string]bool{}
		for _, s := range f.samples {
			key := s.kind.String() + s.labels
			if seen[key] {
				t.Errorf("%s: two columns of %s have the labels {%s}", f.name, s.kind, s.labels)
			}
			seen[key] = true
		}
	}
}

// No tag of a task may pass for an origin tag.
func TestOriginTagsAreReserved(t *testing.T) {
	for _, tag := range metric.OriginTags {
		if !reservedLabels[tag] {
			t.Errorf("a task's tag may pass for %s", tag)
		}
	}
}

// The columns of a family have its type.
func TestColumnsHaveTheTypeOfTheirFamily(t *testing.T) {
	for _, f := range families {
		for _, c := range Columns(f.name, "") {
			if got := c.Metric.Type.String(); got != f.typ && f.typ != "untyped" {
				t.Errorf("%s is a %s, its column %s a %s", f.name, f.typ, c.Metric.Name, got)
			}
		}
	}
}
