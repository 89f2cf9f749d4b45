package prom

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig/testtick"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func expose(t testing.TB, agentLabel, openMetrics bool, batches ...*frame.Batch) string {
	t.Helper()
	f := textFormat
	if openMetrics {
		f = openMetricsFormat
	}
	var b bytes.Buffer
	if err := newExposition(agentLabel).write(&b, f, nil, batches...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// parseText parses the text format as Prometheus' own library does, and
// refuses what that lets pass: a series twice, a value that is no number.
func parseText(t testing.TB, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("no valid exposition: %v", err)
	}
	for name, f := range families {
		seen := map[string]bool{}
		for _, m := range f.Metric {
			key := ""
			names := map[string]bool{}
			for _, l := range m.Label {
				if names[l.GetName()] {
					t.Fatalf("%s: label %s twice", name, l.GetName())
				}
				names[l.GetName()] = true
				key += l.GetName() + "\x00" + l.GetValue() + "\x00"
			}
			if seen[key] {
				t.Fatalf("%s: series twice: %q", name, key)
			}
			seen[key] = true
			if math.IsNaN(sampleValue(m)) {
				t.Fatalf("%s: NaN", name)
			}
		}
	}
	return families
}

func sampleValue(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	}
	return m.Untyped.GetValue()
}

func TestExpositionValues(t *testing.T) {
	text := expose(t, false, false, testtick.New(1, false))
	parseText(t, text)
	id := strings.Repeat("0", 63) + "1"
	labels := `{id="/docker/` + id + `",container_id="` + id + `",framework_id="f-0001",framework_name="marathon",` +
		`image="registry.example/team/web:1.2.3",name="web-0",runtime="docker",task_id="web.0",task_name="web",` +
		`container_label_com_example_team="payments",container_label_version="1.2.3"`
	for _, line := range []string{
		"container_cpu_usage_seconds_total" + labels + `,cpu="total"} 5.25`,
		"container_spec_cpu_quota" + labels + "} 150000",
		"container_spec_cpu_period" + labels + "} 100000",
		"container_memory_usage_bytes" + labels + "} 314572800",
		"container_memory_working_set_bytes" + labels + "} 209715200",
		"container_spec_memory_limit_bytes" + labels + "} 536870912",
		"container_threads" + labels + "} 7",
		"container_threads_max" + labels + "} 0",
		"container_last_seen" + labels + "} 1700000000",
		"container_fs_reads_bytes_total" + labels + `,device="/dev/vda"} 4096`,
		"container_blkio_device_usage_total" + labels +
			`,device="/dev/vda",major="254",minor="0",operation="Write"} 8192`,
		"container_network_transmit_bytes_total" + labels + `,interface="eth0"} 222`,
		"container_cpu_usage_seconds_total" +
			`{id="/system.slice/cron.service",slice="system.slice",unit="cron.service",cpu="total"} 1`,
		`container_spec_memory_limit_bytes{id="/system.slice/cron.service",slice="system.slice",unit="cron.service"} 0`,
		"machine_cpu_cores 8",
		`node_uname_info{sysname="Linux",nodename="node-1"} 1`,
		"machine_memory_bytes 17179869184",
		"node_load1 1.25",
		`node_cpu_seconds_total{cpu="1",mode="idle"} 2.000000001`,
		`node_filesystem_size_bytes{device="/dev/vda1",fstype="ext4",mountpoint="/"} 107374182400`,
		`node_network_transmit_bytes_total{device="eth0"} 2000`,
		"# TYPE node_netstat_Tcp_InSegs untyped",
		"# TYPE container_cpu_usage_seconds_total counter",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("not exposed: %s", line)
		}
	}
	for _, gone := range []string{"container_memory_rss", "container_cpu_cfs_periods_total", "agent_id", "NaN",
		"-9223372036854775808"} {
		if strings.Contains(text, gone) {
			t.Errorf("exposed: %s", gone)
		}
	}
}

func TestExpositionOfFleet(t *testing.T) {
	one, two := testtick.New(3, true), testtick.New(2, true)
	two.Agent, two.Boot = "agent-2", 8
	text := expose(t, true, false, one, two)
	for name, f := range parseText(t, text) {
		for _, m := range f.Metric {
			if a := labelValue(m, "agent_id"); a != "agent-1" && a != "agent-2" {
				t.Fatalf("%s: agent_id %q", name, a)
			}
		}
	}
	if n := strings.Count(text, "# TYPE container_memory_usage_bytes "); n != 1 {
		t.Errorf("the family has %d headers, want 1", n)
	}
}

func labelValue(m *dto.Metric, name string) string {
	for _, l := range m.Label {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// TestExpositionFollowsRows changes rows between scrapes of one Exposition,
// which keeps label texts.
func TestExpositionFollowsRows(t *testing.T) {
	e := newExposition(false)
	scrape := func(b *frame.Batch) string {
		t.Helper()
		var out bytes.Buffer
		if err := e.write(&out, textFormat, nil, b); err != nil {
			t.Fatal(err)
		}
		parseText(t, out.String())
		return out.String()
	}
	b := testtick.New(3, false)
	b.Tables = b.Tables[:len(b.Tables)-2] // io and net, whose rows would go with their container
	if s := scrape(b); !strings.Contains(s, `name="web-1"`) {
		t.Fatal("container is missing")
	}
	g := b.Table(metric.Container)
	g.Rows = append([]*frame.Row{}, g.Rows...)
	g.Rows[1] = &frame.Row{ID: 99, Key: "/docker/new",
		Labels: testtick.Labels("container_id", "new", "name", "renamed")}
	s := scrape(b)
	if strings.Contains(s, `name="web-1"`) || !strings.Contains(s, `name="renamed"`) {
		t.Error("the row that went is exposed still, or the new one is not")
	}
	if !strings.Contains(s, `name="web-2"`) {
		t.Error("a row that stayed is gone")
	}
	b.Boot++ // the collector starts anew: the same IDs are other rows
	g.Rows[0] = &frame.Row{ID: 1, Key: "/docker/other", Labels: testtick.Labels("name", "other")}
	if s := scrape(b); strings.Contains(s, `name="web-0"`) || !strings.Contains(s, `name="other"`) {
		t.Error("labels of the run before are exposed")
	}
}

func TestOpenMetrics(t *testing.T) {
	text := expose(t, false, true, testtick.New(2, true))
	for _, line := range []string{
		"# TYPE container_cpu_usage_seconds counter", "# TYPE container_memory_failcnt unknown",
		"# TYPE node_netstat_Tcp_InSegs unknown", "# TYPE container_memory_usage_bytes gauge",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
	if !strings.Contains(text, "\ncontainer_cpu_usage_seconds_total{") {
		t.Error("a counter's samples lost their _total")
	}
}

func TestAppendFraction(t *testing.T) {
	try := func(v, scale int64, want string) {
		t.Helper()
		if got := string(appendFraction(nil, v, scale)); got != want {
			t.Errorf("%d/%d = %s, want %s", v, scale, got, want)
		}
	}
	try(0, 1e9, "0")
	try(1, 1e9, "0.000000001")
	try(1_500_000_000, 1e9, "1.5")
	try(math.MaxInt64, 1e9, "9223372036.854775807")
	try(-1_250, 1e3, "-1.25")
	try(2_000, 1e3, "2")
}

func FuzzExpositionLabels(f *testing.F) {
	f.Add("/docker/a", "name", "quote\" back\\slash\nnewline", "com.example/team", "com.example-team")
	f.Add("/\xff\xfe", "\x00", "\r\u2028", "", "ü")
	f.Add("{id=\"x\"} 1", "le=\"", "# EOF", "a", "a")
	f.Fuzz(func(t *testing.T, key, name, value, label1, label2 string) {
		b := testtick.New(1, false)
		g := b.Table(metric.Container)
		g.Rows = append([]*frame.Row{}, g.Rows...)
		g.Rows[0] = &frame.Row{ID: 1, Key: key, Labels: testtick.Labels("container_id", value, "name", name,
			"label."+label1, value, "label."+label2, name, label1, value, "agent_id", value, "cpu", value)}
		// Twins: a second row of the same name must not make a series twice.
		testtick.AddRow(g, &frame.Row{ID: 77, Key: key, Labels: g.Rows[0].Labels})[metric.CPUUsage] = 1
		fs := b.Table(metric.Filesystem)
		testtick.AddRow(fs, &frame.Row{ID: 2, Key: key,
			Labels: testtick.Labels("mountpoint", value, "device", name)})[metric.FSSize] = 1
		testtick.AddRow(fs, &frame.Row{ID: 3, Key: key,
			Labels: testtick.Labels("mountpoint", value, "device", name)})[metric.FSSize] = 1
		b.Agent = value
		parseText(t, expose(t, true, false, b))
	})
}

func BenchmarkExposition1000(b *testing.B) {
	e, batch := newExposition(false), testtick.New(1000, true)
	var n countWriter
	if err := e.write(&n, textFormat, nil, batch); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(n))
	b.ReportAllocs()
	for b.Loop() {
		if err := e.write(io.Discard, textFormat, nil, batch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScrape1000 is a whole scrape: the copy of the tick, the text, HTTP
// over loopback, and a reader of it all.
func BenchmarkScrape1000(b *testing.B) {
	scraper := NewScraper(testtick.Local(testtick.New(1000, true)), false)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := scraper.ServeNode(w, r, testtick.Agent); err != nil {
			b.Error(err)
		}
	}))
	defer srv.Close()
	for b.Loop() {
		resp, err := http.Get(srv.URL + "/metrics")
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status, err)
		}
		resp.Body.Close()
		b.SetBytes(n)
	}
}

type countWriter int

func (n *countWriter) Write(b []byte) (int, error) {
	*n += countWriter(len(b))
	return len(b), nil
}
