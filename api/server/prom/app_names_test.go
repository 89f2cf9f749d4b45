package prom

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

func TestAppNames(t *testing.T) {
	check := func(sent, typ, name, separators string) {
		t.Helper()
		if n, s := AppName(sent, typ); n != name || s != separators {
			t.Errorf("%q is %s, %q: want %s, %q", sent, n, s, name, separators)
		}
	}
	check("a_b", "c", "a_b", "")
	check("a.b", "c", "a_b", ".")
	check("a.b_c.d", "c", "a_b_c_d", "._.")
	check("a-b c/d", "c", "a_b_c_d", "- /")
	check("aéb", "c", "a_b", "é")
	check(`a,b\c`, "c", "a_b_c", `\,\\`)
	check("a\x00b", "c", "a_b", `\0`)
	check("a:b", "c", "a:b", "")
	check("9a", "c", "_9a", "0")
	check("_9a", "c", "_9a", "")
	check(".9a", "c", "_9a", ".")
	check("node_load1", "g", "node_load1_gauge", "_0")
	check("node.load1", "g", "node_load1_gauge", ".0")
	check("node_load1_gauge", "g", "node_load1_gauge", "")
	check("daytwo.statsd.overflow", "c", "_daytwo_statsd_overflow", "0..")
	check("_daytwo_x", "c", "_daytwo_x", "")
	check("took_sum", "ms", "took_sum_timer", "_0")
	check("took_sum", "g", "took_sum", "")
}

// appRow makes a row of kind App from tags as a task sends them.
func appRow(id, parent uint64, name, typ string, tags ...string) *frame.Row {
	r := &frame.Row{ID: id, Parent: parent, Key: name}
	slices.Sort(tags)
	names := map[string]int{}
	for _, t := range tags {
		n, _, _ := strings.Cut(t, ":")
		names[n]++
	}
	var list []byte
	for _, t := range tags {
		if n, v, _ := strings.Cut(t, ":"); names[n] == 1 && n != "" && v != "" {
			r.Labels = append(r.Labels, frame.Label{Name: metric.TagLabel + n, Value: v})
		} else {
			list = metric.AppendTag(list, t)
		}
	}
	if len(list) > 0 {
		r.Labels = append(r.Labels, frame.Label{Name: metric.TagsLabel, Value: string(list)})
	}
	r.Labels = append(r.Labels, frame.Label{Name: "type", Value: typ})
	slices.SortFunc(r.Labels, func(a, b frame.Label) int { return strings.Compare(a.Name, b.Name) })
	return r
}

func TestAppLabels(t *testing.T) {
	check := func(want string, tags ...string) {
		t.Helper()
		var got []byte
		for _, l := range AppLabels(appRow(1, 0, "x", "c", tags...)) {
			got = appendLabel(got, l.Name, l.Value)
		}
		if string(got) != want {
			t.Errorf("%q: %s, want %s", tags, got, want)
		}
	}
	check("")
	check(`env="true"`, "env:true")
	check(`env="true",statsd_tags="env"`, "env")
	check(`statsd_tags="env:"`, "env:")
	check(`env="a;b"`, "env:a;b")
	check(`env="a;b",statsd_tags="env:a,env:b"`, "env:b", "env:a")
	check(`a_b="1"`, "a_b:1")
	check(`a_b="1",statsd_tags="a.b:1"`, "a.b:1")
	check(`a_b="1;2",statsd_tags="a.b:1,a_b:2"`, "a.b:1", "a_b:2")
	check(`tag_le="1",statsd_tags="le:1"`, "le:1")
	check(`tag_le="1"`, "tag_le:1")
	check(`tag___name__="1",statsd_tags="__name__:1"`, "__name__:1")
	check(`tag_container_id="1",statsd_tags="container_id:1"`, "container_id:1")
	check(`tag_statsd_tags="env",statsd_tags="statsd_tags:env"`, "statsd_tags:env")
	check(`statsd_tags=":x"`, ":x")
	check(`k="a,b"`, "k:a,b")
	check(`x_y="a,b",statsd_tags="x.y:a\\,b"`, "x.y:a,b")
	check("k=\"\uFFFD\",statsd_tags=\"k:\\\\0\"", "k:\x00")
}

// sampleIdentities returns what Prometheus tells the samples of an exposition apart
// by: all but values and comments.
func sampleIdentities(t *testing.T, f format, rows ...*frame.Row) []string {
	t.Helper()
	b := testtick.New(1, false)
	table := testtick.AddSent(b)
	for _, r := range rows {
		s := testtick.Sent{ID: r.ID, Parent: r.Parent, Name: r.Key, Type: r.Label("type"), Value: 1, Less: 1,
			Observed: []float64{1}}
		other := testtick.New(1, false)
		one := testtick.AddSent(other, s)
		table.Rows, table.Vals = append(table.Rows, r), append(table.Vals, one.Vals...)
		table.Histograms = append(table.Histograms, one.Histograms...)
	}
	var all []string
	if f == protobufFormat {
		for _, family := range exposeProto(t, true, b) {
			for _, m := range family.Metric {
				if labelValue(m, typeLabel) != "" {
					all = append(all, fmt.Sprint(family.GetName(), m.Label))
				}
			}
		}
	} else {
		text := expose(t, true, f == openMetricsFormat, b)
		if f == textFormat {
			parseText(t, text)
		}
		for line := range strings.Lines(text) {
			if line[0] != '#' && strings.Contains(line, typeLabel) {
				all = append(all, line[:strings.LastIndexByte(line, ' ')])
			}
		}
	}
	slices.Sort(all)
	return all
}

// Whatever is sent: how a series is exposed depends on that series alone, and no two
// series are exposed as one.
func TestAppIdentities(t *testing.T) {
	names := []string{"a.b", "a_b", "a-b", "a b", "aéb", "9x", "_9x", ".9x", "x", "took", "took_count", "took.count",
		"took_sum",
		"took_bucket", "took_sum_timer", "x_decrements_total", "x.decrements.total", "node_load1", "node_load1_gauge",
		"node.load1", "daytwo_x", "_daytwo_x", ".daytwo_x", "x_total", "go_goroutines"}
	tags := []string{"env", "env:", "env:true", "env:a;b", "env:a", "env:b", "a.b:1", "a_b:1", "a.b:2", "le:x", "tag_le:x",
		"container_id:x", "id:x", "__name__:x", "tag___name__:x", "statsd_tags:env", "statsd_type:gauge",
		"statsd_separators:.",
		":x", "9:1", "_9:1", "k:\x00", "k:\uFFFD", `k:a\,b`, "k:a,b", "a.c:d,e:f", "e:f", "a.c:d"}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 25 {
		var rows []*frame.Row
		seen := map[string]bool{}
		for len(rows) < 40 {
			var some []string
			for range rng.IntN(4) {
				some = append(some, tags[rng.IntN(len(tags))])
			}
			slices.Sort(some)
			some = slices.Compact(some)
			r := appRow(uint64(len(rows)+1), uint64(rng.IntN(2)), names[rng.IntN(len(names))],
				metric.AppTypes[rng.IntN(len(metric.AppTypes))], some...)
			if id := fmt.Sprintf("%d %q %q", r.Parent, r.Key, r.Labels); !seen[id] {
				seen[id] = true
				rows = append(rows, r)
			}
		}
		for _, f := range []format{textFormat, openMetricsFormat, protobufFormat} {
			whole := sampleIdentities(t, f, rows...)
			if n := len(slices.Compact(slices.Clone(whole))); n != len(whole) {
				t.Fatalf("%d samples, %d identities", len(whole), n)
			}
			var parts []string
			for _, r := range rows {
				parts = append(parts, sampleIdentities(t, f, r)...)
			}
			slices.Sort(parts)
			if !slices.Equal(whole, parts) {
				for _, p := range parts {
					if !slices.Contains(whole, p) {
						t.Errorf("alone: %s", p)
					}
				}
				t.Fatalf("format %d: %d samples of the whole, %d of its series one by one", f, len(whole), len(parts))
			}
		}
	}
}
