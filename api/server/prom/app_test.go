package prom

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/bench/rig/testtick"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protodelim"
)

// exposeProto exposes as protocol buffers and reads that as Prometheus' own
// library does.
func exposeProto(t testing.TB, agentLabel bool, batches ...*frame.Batch) map[string]*dto.MetricFamily {
	t.Helper()
	var b bytes.Buffer
	if err := newExposition(agentLabel).write(&b, protobufFormat, nil, batches...); err != nil {
		t.Fatal(err)
	}
	return parseProto(t, &b)
}

func parseProto(t testing.TB, r io.Reader) map[string]*dto.MetricFamily {
	t.Helper()
	families := map[string]*dto.MetricFamily{}
	for in := bufio.NewReader(r); ; {
		f := new(dto.MetricFamily)
		err := protodelim.UnmarshalFrom(in, f)
		if err == io.EOF {
			return families
		}
		if err != nil {
			t.Fatal(err)
		}
		name := f.GetName()
		if families[name] != nil && families[name].GetType() == dto.MetricType_HISTOGRAM {
			name += " numbers" // there may be a family of histograms and one of numbers
		}
		if families[name] != nil || !model.LegacyValidation.IsValidMetricName(f.GetName()) {
			t.Fatalf("family %q: twice, or no name", f.GetName())
		}
		families[name] = f
	}
}

func TestAppExposition(t *testing.T) {
	b := testtick.New(1, false)
	testtick.AddSent(b,
		testtick.Sent{ID: 1, Parent: 1, Name: "page.views-total", Type: "c", Value: 10.5, Less: 2,
			Tags: []string{"env", "prod;eu", "name", "mine", "a.b", "1", "a-b", "2", "le", "x"}},
		testtick.Sent{ID: 2, Parent: 1, Name: "9lives", Type: "g", Value: -9},
		testtick.Sent{ID: 3, Parent: 1, Name: "users", Type: "s", Value: 3},
		testtick.Sent{ID: 4, Parent: 1, Name: "took", Type: "ms", Observed: []float64{0, 1, 3, 3.5, 1000}},
		testtick.Sent{ID: 5, Parent: 1, Name: "took", Type: "g", Value: 1},
		testtick.Sent{ID: 10, Parent: 1, Name: "walked", Type: "ms", Observed: []float64{0, 1, 3, 3.5, 1000}},
		testtick.Sent{ID: 6, Name: "node_load1", Type: "g", Value: 7},
		testtick.Sent{ID: 7, Name: "took_count", Type: "g", Value: 8},
		testtick.Sent{ID: 8, Parent: 99, Name: "orphan", Type: "g", Value: 8},
		testtick.Sent{ID: 9, Name: "spread", Type: "d", Observed: []float64{-3, -1, 1e300, 1e-300}},
	)
	text := expose(t, false, false, b)
	families := parseText(t, text)
	id := strings.Repeat("0", 63) + "1"
	c := `id="/docker/` + id + `",container_id="` + id + `",framework_id="f-0001",framework_name="marathon",` +
		`image="registry.example/team/web:1.2.3",name="web-0",runtime="docker",task_id="web.0",task_name="web",` +
		`container_label_com_example_team="payments",container_label_version="1.2.3"`
	timer := c + `,statsd_type="timer"`
	tags := `,a_b="2;1",env="prod;eu",tag_le="x",tag_name="mine",statsd_tags="a-b:2,a.b:1,le:x,name:mine",` +
		`statsd_separators=".-"`
	for _, line := range []string{
		`page_views_total{` + c + tags + `,statsd_type="counter"} 10.5`,
		`page_views_total_decrements_total{` + c + tags + `,statsd_type="decrements"} 2`,
		"# TYPE page_views_total counter",
		`_9lives{` + c + `,statsd_separators="0",statsd_type="gauge"} -9`, "# TYPE _9lives gauge",
		`users{` + c + `,statsd_type="set"} 3`, "# TYPE users gauge",
		"# TYPE walked histogram", "# HELP walked Timer of tasks in milliseconds, as sent, by StatsD.",
		`walked_bucket{` + timer + `,le="0"} 1`, `walked_bucket{` + timer + `,le="1"} 2`, `walked_bucket{` + timer +
			`,le="2"} 2`,
		`walked_bucket{` + timer + `,le="4"} 4`, `walked_bucket{` + timer + `,le="512"} 4`,
		`walked_bucket{` + timer + `,le="1024"} 5`, `walked_bucket{` + timer + `,le="+Inf"} 5`,
		`walked_sum{` + timer + `} 1007.5`, `walked_count{` + timer + `} 5`,
		`took{` + c + `,statsd_type="gauge"} 1`, "# TYPE took gauge", // a second type
		`took_bucket{` + timer + `,le="4"} 4`, "# TYPE took_bucket untyped", "# TYPE took_count untyped", `took_sum{` +
			timer + `} 1007.5`,
		`took_count{` + timer + `} 5`, `took_count{statsd_type="gauge"} 8`,
		`node_load1_gauge{statsd_separators="_0",statsd_type="gauge"} 7`, // no task passes for us
		`spread_bucket{statsd_type="distribution",le="+Inf"} 4`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("not exposed: %s", line)
		}
	}
	if strings.Contains(text, "orphan") {
		t.Error("a row whose container is gone is exposed")
	}
	if n := strings.Count(text, "spread_bucket{"); n > 2*maxBounds+2 {
		t.Errorf("%d buckets", n)
	}
	h := families["spread"].Metric[0].Histogram
	last := uint64(0)
	for _, b := range h.Bucket {
		if b.GetCumulativeCount() < last {
			t.Errorf("buckets fall: %v", h.Bucket)
		}
		last = b.GetCumulativeCount()
	}
	if v := families["node_load1"].Metric[0].Gauge.GetValue(); v != 1.25 {
		t.Errorf("our own metric is %v", v)
	}
}

// Containers that no tick has a row of, as launchers name them before they run, are
// told apart by what their launchers said.
func TestAppWithoutRows(t *testing.T) {
	b := testtick.New(1, false)
	table := testtick.AddSent(b, testtick.Sent{ID: 1, Name: "hits", Type: "c", Value: 1},
		testtick.Sent{ID: 2, Name: "hits", Type: "c", Value: 2},
		testtick.Sent{ID: 3, Name: "hits", Type: "c", Value: 4})
	for i, id := range []string{"one", "two"} {
		table.Rows[i].Labels = append([]frame.Label{{Name: "container_id", Value: id}, {Name: "label.zone", Value: "z"},
			{Name: "task_name", Value: "t-" + id}}, table.Rows[i].Labels...)
	}
	for name, families := range map[string]map[string]*dto.MetricFamily{"text": parseText(t, expose(t, true, false, b)),
		"proto": exposeProto(t, true, b)} {
		got := map[float64]string{}
		for _, m := range families["hits"].GetMetric() {
			got[sampleValue(m)] = labelValue(m, "container_id") + " " + labelValue(m, "task_name") + " " +
				labelValue(m, "container_label_zone")
		}
		if len(got) != 3 || got[1] != "one t-one z" || got[2] != "two t-two z" || got[4] != "  " {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Of what type a name is at one agent changes no name of another's series.
func TestAppTypesOfFleet(t *testing.T) {
	one, two := testtick.New(1, false), testtick.New(1, false)
	two.Agent, two.Boot = "agent-2", 8
	testtick.AddSent(one, testtick.Sent{ID: 9, Parent: 1, Name: "x", Type: "c", Value: 1})
	testtick.AddSent(two, testtick.Sent{ID: 1, Parent: 1, Name: "x", Type: "g", Value: 2},
		testtick.Sent{ID: 2, Parent: 1, Name: "x", Type: "c", Value: 3},
		testtick.Sent{ID: 3, Name: "x_gauge", Type: "g", Value: 4})
	families := parseText(t, expose(t, true, false, one, two))
	if f := families["x"]; len(f.GetMetric()) != 3 || f.GetType() != dto.MetricType_UNTYPED {
		t.Errorf("x: %v", f)
	}
	if f := families["x_gauge"]; len(f.GetMetric()) != 1 || f.Metric[0].Gauge.GetValue() != 4 {
		t.Errorf("x_gauge: %v", f)
	}
}

func TestNativeHistograms(t *testing.T) {
	b := testtick.New(1, false)
	values := []float64{-8, 0, 0, 1, 1.001, 3, 1000}
	testtick.AddSent(b,
		testtick.Sent{ID: 1, Parent: 1, Name: "took", Type: "ms", Observed: values,
			Tags: []string{"q", "a\"b\\c\nd\\n"}},
		testtick.Sent{ID: 2, Name: "sampled", Type: "h", Observed: []float64{1, 2}, Weight: 10.0 / 3},
		testtick.Sent{ID: 3, Name: "none", Type: "h"},
		testtick.Sent{ID: 4, Name: "hits", Type: "c", Value: 4},
	)
	families := exposeProto(t, true, b)
	text := parseText(t, expose(t, true, false, b))
	if len(families) != len(text) {
		t.Errorf("%d families as protocol buffers, %d as text", len(families), len(text))
	}
	for name, f := range text { // both say the same
		g := families[name]
		if g == nil || g.GetType() != f.GetType() || g.GetHelp() != f.GetHelp() || len(g.Metric) != len(f.Metric) {
			t.Fatalf("%s: %v, as text %v", name, g, f)
		}
		for i := range f.Metric {
			a, b := f.Metric[i], g.Metric[i]
			if fmt.Sprint(a.Label) != fmt.Sprint(b.Label) {
				t.Fatalf("%s: labels %v, as text %v", name, b.Label, a.Label)
			}
			if a.Histogram == nil && sampleValue(a) != sampleValue(b) {
				t.Fatalf("%s: %v, as text %v", name, b, a)
			}
		}
	}
	h := families["took"].Metric[0].Histogram
	if h.GetSampleCount() != 7 || h.GetSampleSum() != 997.001 || h.GetSchema() != 6 || h.GetZeroCount() != 2 {
		t.Errorf("%v", h)
	}
	checkNative(t, h, values)
	if h := families["sampled"].Metric[0].Histogram; math.Abs(h.GetSampleCountFloat()-20.0/3) > 1e-9 ||
		len(h.PositiveCount) != 2 || h.SampleCount != nil {
		t.Errorf("weights that are not whole: %v", h)
	}
	if h := families["none"].Metric[0].Histogram; len(h.PositiveSpan) != 1 || h.GetSampleCount() != 0 {
		t.Errorf("an empty one: %v", h)
	}
	if h.Bucket == nil || h.Bucket[len(h.Bucket)-1].GetUpperBound() != 1024 {
		t.Errorf("classic buckets: %v", h.Bucket)
	}
}

// checkNative decodes spans and deltas as Prometheus does, and finds each value
// in the bucket that is its own by definition.
func checkNative(t *testing.T, h *dto.Histogram, values []float64) {
	t.Helper()
	decode := func(spans []*dto.BucketSpan, deltas []int64) map[int32]int64 {
		buckets := map[int32]int64{}
		at, n, count := int32(0), 0, int64(0)
		for _, s := range spans {
			at += s.GetOffset()
			for range s.GetLength() {
				count += deltas[n]
				buckets[at] = count
				n++
				at++
			}
		}
		if n != len(deltas) {
			t.Fatalf("%d buckets in spans, %d counts", n, len(deltas))
		}
		return buckets
	}
	pos, neg := decode(h.PositiveSpan, h.PositiveDelta), decode(h.NegativeSpan, h.NegativeDelta)
	base := math.Pow(2, math.Pow(2, -float64(h.GetSchema())))
	for _, v := range values {
		i := int32(math.Ceil(math.Log(math.Abs(v))/math.Log(base) - 1e-9))
		switch {
		case v > 0:
			pos[i]--
		case v < 0:
			neg[i]--
		}
	}
	for i, n := range pos {
		if n != 0 {
			t.Errorf("bucket %d: %d too many", i, n)
		}
	}
	for i, n := range neg {
		if n != 0 {
			t.Errorf("negative bucket %d: %d too many", i, n)
		}
	}
}

func TestAppOpenMetrics(t *testing.T) {
	b := testtick.New(1, false)
	testtick.AddSent(b,
		testtick.Sent{ID: 1, Name: "hits_total", Type: "c", Value: 1},
		testtick.Sent{ID: 2, Name: "jobs_total", Type: "c", Value: 2},
		testtick.Sent{ID: 3, Name: "jobs", Type: "g", Value: 3},
		testtick.Sent{ID: 4, Name: "plain", Type: "c", Value: 4},
		testtick.Sent{ID: 5, Name: "took", Type: "h", Observed: []float64{1, 0.25}},
		testtick.Sent{ID: 6, Name: "node_load1_total", Type: "c", Value: 6},
	)
	text := expose(t, false, true, b)
	for _, line := range []string{
		"# TYPE hits counter", `hits_total{statsd_type="counter"} 1`,
		"# TYPE jobs_total unknown", `jobs_total{statsd_type="counter"} 2`, "# TYPE jobs gauge",
		`jobs{statsd_type="gauge"} 3`,
		"# TYPE plain unknown", "# TYPE node_load1_total unknown",
		"# TYPE took histogram", `took_bucket{statsd_type="histogram",le="0.25"} 1`,
		`took_bucket{statsd_type="histogram",le="1.0"} 2`, `took_bucket{statsd_type="histogram",le="+Inf"} 2`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("not exposed: %s", line)
		}
	}
}

func TestFormatsAsked(t *testing.T) {
	b := testtick.New(1, false)
	testtick.AddSent(b, testtick.Sent{ID: 1, Parent: 1, Name: "took", Type: "ms", Observed: []float64{1}})
	const prometheus = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;" +
		"q=0.6," +
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
	fleet := testtick.Local(testtick.Now(b))
	scraper := NewScraper(fleet, true)
	for accept, want := range map[string]string{prometheus: contentTypes[protobufFormat],
		"text/plain": contentTypes[textFormat], "": contentTypes[textFormat],
		"application/vnd.google.protobuf":            contentTypes[textFormat],
		"application/openmetrics-text;version=1.0.0": contentTypes[openMetricsFormat]} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/fleet/metrics", nil)
		r.Header.Set("Accept", accept)
		if err := scraper.ServeFleet(w, r, fleet.Agents(), time.Now(), slog.Default()); err != nil {
			t.Fatal(err)
		}
		body := w.Body.String()
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
		var families map[string]*dto.MetricFamily
		switch want {
		case contentTypes[protobufFormat]:
			families = parseProto(t, strings.NewReader(body))
		case contentTypes[openMetricsFormat]:
			if !strings.HasSuffix(body, "\n# EOF\n") ||
				!strings.Contains(body, "\n# TYPE container_cpu_usage_seconds counter\n") {
				t.Errorf("no OpenMetrics: …%s", body[max(0, len(body)-500):])
			}
			continue
		default:
			families = parseText(t, body)
		}
		if families["took"].Metric[0].Histogram == nil || families["daytwo_agent_containers"] == nil {
			t.Errorf("%q: something is missing", accept)
		}
	}
}

func FuzzAppExposition(f *testing.F) {
	f.Add("page.views", "env", "prod", "ms", 1.5, "x")
	f.Add("9\xff\"{}", "name", "a\nb\\", "c", -1.0, "__name__")
	f.Add("go_goroutines", "le", "", "g", math.MaxFloat64, "é")
	f.Add("up", "a b", "\x00", "d", -5e-324, "a_b")
	f.Fuzz(func(t *testing.T, name, tag, value, typ string, v float64, tag2 string) {
		b := testtick.New(1, false)
		testtick.AddSent(b,
			testtick.Sent{ID: 1, Parent: 1, Name: name, Type: typ, Value: v, Observed: []float64{v},
				Tags: []string{tag, value}},
			testtick.Sent{ID: 2, Name: name, Type: "c", Value: v, Tags: []string{tag, value, tag2, name}},
			testtick.Sent{ID: 3, Name: name + "_count", Type: "g", Value: v},
			testtick.Sent{ID: 4, Name: name, Type: "h", Observed: []float64{v, 1}, Tags: []string{tag2, value}},
			testtick.Sent{ID: 5, Name: tag, Type: "s", Value: 1, Tags: []string{tag2, value}},
		)
		b.Agent = value
		parseText(t, expose(t, true, false, b))
		exposeProto(t, true, b)
	})
}
