package server

import (
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

func TestStatsdRoute(t *testing.T) {
	tick := func(seq int64) *frame.Batch {
		b := testtick.New(2, false)
		b.Seq, b.Time = uint64(seq), testtick.Time+seq*testtick.Interval
		testtick.AddSent(b,
			testtick.Sent{ID: 1, Parent: 1, Name: "hits", Type: "c", Samples: 100 * seq, Tags: []string{"url", "/a"}},
			testtick.Sent{ID: 2, Parent: 1, Name: "hits", Type: "c", Samples: 50 * seq, Tags: []string{"url", "/b"}},
			testtick.Sent{ID: 3, Parent: 2, Name: "hits", Type: "c", Samples: 7},
			testtick.Sent{ID: 4, Name: "stray", Type: "ms", Samples: 1000 * seq},
		)
		l := frame.Table{Kind: metric.Statsd, Gen: 1}
		testtick.AddLedgerRow(&l, 1, 0, "", 1157*seq, 3, 2)
		testtick.AddLedgerRow(&l, 2, 1, "/docker/x", 150*seq, 3, 0)
		b.Tables = append(b.Tables, l)
		return b
	}
	srv := serve(t, historyOf(t, tick(1), tick(2)))
	first := testtick.Container(0).Label("container_id")
	var all v1.StatsD
	if code := get(t, srv, "/api/v1/statsd", &all); code != 200 {
		t.Fatal(code)
	}
	if len(all.Ledgers) != 2 || !all.Ledgers[0].All || all.Ledgers[1].ContainerID != first ||
		all.Ledgers[1].Name != "web" {
		t.Fatalf("%+v", all.Ledgers)
	}
	l := all.Ledgers[1]
	if !l.Balances() || l.Received != 303 || l.Rejected != 3 || l.Reasons["value"] != 3 || len(l.Reasons) != 1 ||
		l.Rate == nil || *l.Rate != 150 {
		t.Errorf("%+v", l)
	}
	var names []string
	for _, m := range all.Metrics {
		names = append(names, m.Name+" "+m.Container)
	}
	if got := strings.Join(names, ","); got != "stray ,hits web,hits web" {
		t.Errorf("by rate: %s", got)
	}
	if all.Metrics[0].Type != "timer" || all.Metrics[1].Type != "counter" {
		t.Errorf("types: %+v", all.Metrics)
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
	for query, want := range map[string]int{"container=nobody": 404, "agent=nobody": 404, "sort=x": 400, "limit=0": 400,
		"limit=x": 400, "match=name=web-1": 200, "x=1": 400} {
		if code := get(t, srv, "/api/v1/statsd?"+query, nil); code != want {
			t.Errorf("%s: %d, want %d", query, code, want)
		}
	}
}

func TestQueryOfLedgers(t *testing.T) {
	srv := serve(t, historyOf(t, testtick.WithLedger()))
	for name, want := range map[string]int{"daytwo_statsd_accepted_lines_total": 1,
		"container_statsd_accepted_lines_total": 5, "statsd.accepted": 6} {
		var answer struct{ Data v1.Matrix }
		if code := get(t, srv, "/api/v1/query?start=1699999000&end=1700001000&metric="+name, &answer); code != 200 ||
			len(answer.Data.Result) != want {
			t.Errorf("query of %s: %d, %d series, want %d", name, code, len(answer.Data.Result), want)
		}
	}
}
