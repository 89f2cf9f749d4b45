package server

import (
	"math"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/daytwo/daytwo/api/v1"
)

// sent is one series of kind App; tags are name, value pairs.
type sent struct {
	id, parent uint64
	name, typ  string
	value      float64 // of a counter, gauge or set
	less       float64 // decrements, 0 for none
	samples    int64
	observed   []float64
	weight     float64 // of each observation, 0 for 1
	tags       []string
}

// addSent adds a table of kind App to a tick.
func addSent(b *frame.Batch, series ...sent) *frame.Table {
	t := frame.Table{Kind: metric.App, Gen: 1}
	for _, s := range series {
		pairs := []string{"type", s.typ}
		for i := 0; i < len(s.tags); i += 2 {
			pairs = append(pairs, tagLabel+s.tags[i], s.tags[i+1])
		}
		row := addRow(&t, &frame.Row{ID: s.id, Parent: s.parent, Key: s.name, Labels: labels(pairs...)})
		row[metric.AppSamples], row[metric.AppUpdated] = s.samples, testTime
		if !isHistogram(s.typ) {
			row[metric.AppValue] = metric.FromFloat(s.value)
			if s.less > 0 {
				row[metric.AppDecrements] = metric.FromFloat(s.less)
			}
			t.Histograms = append(t.Histograms, nil)
			continue
		}
		h := new(sketch.Histogram)
		low, top := math.Inf(1), math.Inf(-1)
		for _, v := range s.observed {
			h.Insert(v, max(s.weight, 1))
			low, top = min(low, v), max(top, v)
		}
		row[metric.AppCount], row[metric.AppSum] = metric.FromFloat(h.Count()), metric.FromFloat(h.Sum())
		row[metric.AppMin], row[metric.AppMax] = metric.FromFloat(low), metric.FromFloat(top)
		t.Histograms = append(t.Histograms, h)
	}
	b.Tables = append(b.Tables, t)
	return &b.Tables[len(b.Tables)-1]
}

// ledgerRow is a row of the ledger that balances.
func ledgerRow(t *frame.Table, id, parent uint64, key string, accepted, badValue, shed int64) {
	row := addRow(t, &frame.Row{ID: id, Parent: parent, Key: key})
	for c := range row {
		row[c] = 0
	}
	row[metric.StatsdAccepted], row[metric.StatsdRejectedValue], row[metric.StatsdShed] = accepted, badValue, shed
	row[metric.StatsdReceived] = accepted + badValue + shed
}

func TestStatsdRoute(t *testing.T) {
	tick := func(seq int64) *frame.Batch {
		b := testBatch(2, false)
		b.Seq, b.Time = uint64(seq), testTime+seq*testInterval
		addSent(b,
			sent{id: 1, parent: 1, name: "hits", typ: "c", samples: 100 * seq, tags: []string{"url", "/a"}},
			sent{id: 2, parent: 1, name: "hits", typ: "c", samples: 50 * seq, tags: []string{"url", "/b"}},
			sent{id: 3, parent: 2, name: "hits", typ: "c", samples: 7},
			sent{id: 4, name: "stray", typ: "ms", samples: 1000 * seq},
		)
		l := frame.Table{Kind: metric.Statsd, Gen: 1}
		ledgerRow(&l, 1, 0, "", 1157*seq, 3, 2)
		ledgerRow(&l, 2, 1, "/docker/x", 150*seq, 3, 0)
		b.Tables = append(b.Tables, l)
		return b
	}
	srv := serve(t, historyOf(t, tick(1), tick(2)))
	first := containerRow(0).Label("container_id")
	var all v1.StatsD
	if code := get(t, srv, "/api/v1/statsd", &all); code != 200 {
		t.Fatal(code)
	}
	if len(all.Ledgers) != 2 || !all.Ledgers[0].All || all.Ledgers[1].ContainerID != first || all.Ledgers[1].Name != "web" {
		t.Fatalf("%+v", all.Ledgers)
	}
	l := all.Ledgers[1]
	if !l.Balances() || l.Received != 303 || l.Rejected != 3 || l.Reasons["value"] != 3 || len(l.Reasons) != 1 || l.Rate == nil || *l.Rate != 150 {
		t.Errorf("%+v", l)
	}
	var names []string
	for _, m := range all.Metrics {
		names = append(names, m.Name+" "+m.Container)
	}
	if got := strings.Join(names, ","); got != "stray ,hits web,hits web" {
		t.Errorf("by rate: %s", got)
	}
	if m := all.Metrics[1]; m.Series != 2 || m.Samples != 300 || *m.Rate != 150 || m.ContainerID != first {
		t.Errorf("%+v", m)
	}
	var some v1.StatsD
	get(t, srv, "/api/v1/statsd?sort=series&limit=1", &some)
	if len(some.Metrics) != 1 || some.Metrics[0].Series != 2 {
		t.Errorf("by series: %+v", some.Metrics)
	}
	var one v1.StatsD
	get(t, srv, "/api/v1/statsd?container="+first, &one)
	if len(one.Ledgers) != 1 || len(one.Metrics) != 1 || one.Metrics[0].ContainerID != first {
		t.Errorf("one container: %+v", one)
	}
	for query, want := range map[string]int{"container=nobody": 404, "agent=nobody": 404, "sort=x": 400, "limit=0": 400, "limit=x": 400, "match=name=web-1": 200, "x=1": 400} {
		if code := get(t, srv, "/api/v1/statsd?"+query, nil); code != want {
			t.Errorf("%s: %d, want %d", query, code, want)
		}
	}
}

func TestDCOSApp(t *testing.T) {
	b := testBatch(2, false)
	addSent(b,
		sent{id: 1, parent: 1, name: "hits", typ: "c", value: 10, less: 3, tags: []string{"url", "/a", "task_id", "mine"}},
		sent{id: 2, parent: 1, name: "temp", typ: "g", value: -1.5},
		sent{id: 3, parent: 1, name: "users", typ: "s", value: 4},
		sent{id: 4, parent: 1, name: "took", typ: "ms", observed: []float64{10, 20, 30, 40}},
		sent{id: 5, parent: 2, name: "other", typ: "c", value: 1},
		sent{id: 6, parent: 1, name: "hitsfoo", typ: "c", value: 1},
		sent{id: 7, parent: 1, name: "took.p50", typ: "g", value: 99},
		sent{id: 8, parent: 1, name: "a/b c", typ: "g", value: 5},
	)
	srv := newTestServer(t, b)
	id := containerRow(0).Label("container_id")
	base := "/system/v1/metrics/v0/containers/" + id + "/app"
	var m v1.Metrics
	if code := get(t, srv, base, &m); code != 200 {
		t.Fatal(code)
	}
	origin := []string{"container_id", id, "framework_id", "f-0001", "framework_name", "marathon", "task_id", "web.0", "task_name", "web", "agent_id", testAgent}
	wantPoint(t, &m, 7, "count", "hits", append([]string{"url", "/a", "tag_task_id", "mine"}, origin...)...)
	wantPoint(t, &m, -1.5, "", "temp", origin...)
	wantPoint(t, &m, 4, "count", "users", origin...)
	wantPoint(t, &m, 4, "count", "took.count", origin...)
	wantPoint(t, &m, 100, "milliseconds", "took.sum", origin...)
	wantPoint(t, &m, 25, "milliseconds", "took.mean", origin...)
	wantPoint(t, &m, 10, "milliseconds", "took.min", origin...)
	wantPoint(t, &m, 40, "milliseconds", "took.max", origin...)
	if d := point(&m, "took.p99"); d == nil || math.Abs(d.Value-30) > 0.3 { // the third of four is the one at 0.99*3
		t.Errorf("%+v", d)
	}
	if point(&m, "other") != nil {
		t.Error("another container's metric is shown")
	}
	if m.Dimensions.ContainerID != id {
		t.Errorf("%+v", m.Dimensions)
	}
	for path, want := range map[string]string{
		"/hits": "hits", "/took.p99": "took.p99", "/a%2Fb%20c": "a/b c", "/temp": "temp", "/hitsfoo": "hitsfoo", "/took.p50": "took.p50,took.p50",
		"/took": "took.count,took.sum,took.min,took.max,took.mean,took.p50,took.p75,took.p90,took.p95,took.p99",
	} {
		var one v1.Metrics
		if code := get(t, srv, base+path, &one); code != 200 {
			t.Fatalf("%s: %d", path, code)
		}
		var names []string
		for _, d := range one.Datapoints {
			names = append(names, d.Name)
		}
		if got := strings.Join(names, ","); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{"/hit", "/hits.", "/tookx", "/took.p98", "/HITS", "/other"} {
		if code := get(t, srv, base+path, nil); code != 204 {
			t.Errorf("%s: %d, want 204", path, code)
		}
	}
}

// An empty histogram has counts, and neither a mean nor percentiles: no NaN.
func TestDCOSAppNeverNaN(t *testing.T) {
	b := testBatch(1, false)
	addSent(b, sent{id: 1, parent: 1, name: "idle", typ: "h"}, sent{id: 2, parent: 1, name: "big", typ: "h", observed: []float64{math.MaxFloat64, math.MaxFloat64, -math.MaxFloat64}})
	var m v1.Metrics
	if code := get(t, newTestServer(t, b), "/system/v1/metrics/v0/containers/"+containerRow(0).Label("container_id")+"/app", &m); code != 200 {
		t.Fatal(code)
	}
	if point(&m, "idle.count") == nil || point(&m, "idle.mean") != nil || point(&m, "idle.p50") != nil || point(&m, "big.p50") == nil {
		t.Errorf("%+v", m.Datapoints)
	}
}
