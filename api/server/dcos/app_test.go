package dcos

import (
	"math"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

func TestDCOSApp(t *testing.T) {
	b := testtick.New(2, false)
	testtick.AddSent(b,
		testtick.Sent{ID: 1, Parent: 1, Name: "hits", Type: "c", Value: 10, Less: 3,
			Tags: []string{"url", "/a", "task_id", "mine"}},
		testtick.Sent{ID: 2, Parent: 1, Name: "temp", Type: "g", Value: -1.5},
		testtick.Sent{ID: 3, Parent: 1, Name: "users", Type: "s", Value: 4},
		testtick.Sent{ID: 4, Parent: 1, Name: "took", Type: "ms", Observed: []float64{10, 20, 30, 40}},
		testtick.Sent{ID: 5, Parent: 2, Name: "other", Type: "c", Value: 1},
		testtick.Sent{ID: 6, Parent: 1, Name: "hitsfoo", Type: "c", Value: 1},
		testtick.Sent{ID: 7, Parent: 1, Name: "took.p50", Type: "g", Value: 99},
		testtick.Sent{ID: 8, Parent: 1, Name: "a/b c", Type: "g", Value: 5},
	)
	srv := newTestServer(t, b)
	id := testtick.Container(0).Label("container_id")
	base := "/system/v1/metrics/v0/containers/" + id + "/app"
	var m v1.Metrics
	if code := get(t, srv, base, &m); code != 200 {
		t.Fatal(code)
	}
	origin := []string{"container_id", id, "framework_id", "f-0001", "framework_name", "marathon", "task_id", "web.0",
		"task_name", "web", "agent_id", testtick.Agent}
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
		"/hits": "hits", "/took.p99": "took.p99", "/a%2Fb%20c": "a/b c", "/temp": "temp", "/hitsfoo": "hitsfoo",
		"/took.p50": "took.p50,took.p50",
		"/took":     "took.count,took.sum,took.min,took.max,took.mean,took.p50,took.p75,took.p90,took.p95,took.p99",
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
	b := testtick.New(1, false)
	testtick.AddSent(b, testtick.Sent{ID: 1, Parent: 1, Name: "idle", Type: "h"},
		testtick.Sent{ID: 2, Parent: 1, Name: "big", Type: "h",
			Observed: []float64{math.MaxFloat64, math.MaxFloat64, -math.MaxFloat64}})
	var m v1.Metrics
	if code := get(t, newTestServer(t, b),
		"/system/v1/metrics/v0/containers/"+testtick.Container(0).Label("container_id")+"/app", &m); code != 200 {
		t.Fatal(code)
	}
	if point(&m, "idle.count") == nil || point(&m, "idle.mean") != nil || point(&m, "idle.p50") != nil ||
		point(&m, "big.p50") == nil {
		t.Errorf("%+v", m.Datapoints)
	}
}

// A service check is a datapoint.
func TestServiceCheck(t *testing.T) {
	b := testtick.New(1, false)
	testtick.AddSent(b,
		testtick.Sent{ID: 1, Parent: 1, Name: "db.up", Type: "check", Value: 2, Tags: []string{"host", "h"}},
		testtick.Sent{ID: 2, Parent: 1, Name: "db.up", Type: "c", Value: 9},
	)
	var m v1.Metrics
	if code := get(t, newTestServer(t, b),
		"/system/v1/metrics/v0/containers/"+testtick.Container(0).Label("container_id")+"/app/db.up", &m); code != 200 {
		t.Fatal(code)
	}
	wantPoint(t, &m, 2, "", "db.up", "host", "h")
}
