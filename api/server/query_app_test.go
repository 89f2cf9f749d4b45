package server

import (
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// What a name means among what tasks send, and of which column.
func TestParseAppName(t *testing.T) {
	row := func(key, typ string) *frame.Row { return &frame.Row{Key: key, Labels: testtick.Labels("type", typ)} }
	rows := []*frame.Row{
		row("request.time", "ms"), row("requests", "c"), row("requests", "g"), row("request.time.count", "g"),
		row("users", "s"), row("9lives", "c"), row("a_timer", "h"), row("node.load1", "g"),
	}
	for name, want := range map[string][]string{
		"app:request.time":          {"app.count of request.time ms"},
		"app:request_time":          nil, // as sent, to the letter
		"app:requests":              {"app.value of requests c", "app.value of requests g"},
		"request_time":              {"app.count of request.time ms"},
		"request_time_count":        {"app.count of request.time ms", "app.value of request.time.count g"},
		"request_time_sum":          {"app.sum of request.time ms"},
		"request_time_timer":        {"app.count of request.time ms"},
		"request_time_timer_sum":    {"app.sum of request.time ms"},
		"request_time_gauge":        nil,
		"node_load1":                nil,
		"node_load1_gauge":          {"app.value of node.load1 g"},
		"requests":                  {"app.value of requests c", "app.value of requests g"},
		"requests_counter":          {"app.value of requests c"},
		"requests_gauge":            {"app.value of requests g"},
		"requests_decrements_total": {"app.decrements of requests c"},
		"requests_sum":              nil,
		"users":                     {"app.value of users s"},
		"_9lives":                   {"app.value of 9lives c"},
		"a_timer":                   {"app.count of a_timer h"},
		"nothing":                   nil,
	} {
		a := parseAppName(name)
		var got []string
		for _, c := range a.columns() {
			for _, r := range rows {
				if c.Rows(r) {
					got = append(got, c.Metric.Name+" of "+r.Key+" "+r.Label("type"))
				}
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || a.seen != (want != nil) {
			t.Errorf("%s is %q (seen %v), want %q", name, got, a.seen, want)
		}
	}
}

func TestParseQuantiles(t *testing.T) {
	for _, c := range []struct {
		q, percentile string
		want          []string
		bad           bool
	}{
		{"", "", nil, false}, {"0.5,0.99", "", []string{"0.5", "0.99"}, false},
		{"", "50,99.9", []string{"0.5", "0.999"}, false},
		{"0,1", "", []string{"0", "1"}, false}, {"0.5,0.50", "", []string{"0.5"}, false}, {"-0.1", "", nil, true},
		{"1.1", "", nil, true},
		{"NaN", "", nil, true}, {"0.5,", "", nil, true}, {"", "101", nil, true}, {"0.5", "50", nil, true},
		{"x", "", nil, true},
	} {
		q, texts, err := parseQuantiles(c.q, c.percentile)
		if (err != nil) != c.bad || !slices.Equal(texts, c.want) || len(q) != len(c.want) {
			t.Errorf("q=%s percentile=%s: %v %q %v", c.q, c.percentile, q, texts, err)
		}
	}
}

// Tags are named as in an exposition, and none passes for whose the series is.
func TestAppLabels(t *testing.T) {
	parent := &frame.Row{Key: "/docker/c1", Labels: testtick.Labels("container_id", "c1", "task_name", "web")}
	row := &frame.Row{Key: "x", Labels: testtick.Labels("type", "c", "tag.path", "/", "tag.task_name", "other",
		"tag.a-b", "1", "tag.a.b", "2", "tags", "up,env:")}
	got := appLabels("n1", row, parent)
	for name, want := range map[string]string{
		"agent_id": "n1", "container_id": "c1", "task_name": "web", "tag_task_name": "other", "path": "/", "a_b": "1;2",
		"up": "true", "statsd_tags": "a-b:1,a.b:2,env:,task_name:other,up",
		"cgroup": "/docker/c1", "__type__": "counter",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 10 {
		t.Errorf("%v", got)
	}
	for key, want := range map[string]string{"path": "/", "tag.path": "/", "task_name": "web", "tag.task_name": "other",
		"container_id": "c1", "none": "", "up": "true", "env": "", "tag.up": "true"} {
		if v := value(key, "n1", row, parent); v != want {
			t.Errorf("%s is %q, want %q", key, v, want)
		}
	}
}

// The type of an answer is that of all its series.
func TestTypeOfSentMetrics(t *testing.T) {
	var ticks []*frame.Batch
	for seq := range 2 {
		b := testtick.New(1, false)
		b.Seq, b.Time = uint64(seq+1), testtick.Time+int64(seq)*testtick.Interval
		testtick.AddSent(b,
			testtick.Sent{ID: 1, Parent: 1, Name: "hits", Type: "c", Value: float64(seq)},
			testtick.Sent{ID: 2, Parent: 1, Name: "temp", Type: "g", Value: 20},
			testtick.Sent{ID: 3, Parent: 1, Name: "jobs", Type: "c", Value: float64(seq)},
			testtick.Sent{ID: 4, Parent: 1, Name: "jobs", Type: "g", Value: 1},
			testtick.Sent{ID: 5, Parent: 1, Name: "took", Type: "ms", Observed: []float64{1, 2}},
			testtick.Sent{ID: 6, Parent: 1, Name: "users", Type: "s", Value: 3},
			testtick.Sent{ID: 7, Parent: 1, Name: "db.up", Type: "check", Value: 2},
		)
		ticks = append(ticks, b)
	}
	o := historyOf(t, ticks...)
	for _, c := range []struct {
		want string
		ask  []string
	}{
		{"counter", []string{"app:hits"}}, {"counter", []string{"hits"}}, {"counter", []string{"hits_counter"}},
		{"gauge", []string{"app:temp"}}, {"gauge", []string{"app:users"}}, {"gauge", []string{"app:db.up"}},
		{"gauge", []string{"app:hits", "rate", "1"}}, {"gauge", []string{"app:jobs", "rate", "1"}},
		{"mixed", []string{"app:jobs"}}, {"mixed", []string{"jobs"}}, {"counter", []string{"jobs_counter"}},
		{"gauge", []string{"jobs_gauge"}},
		{"counter", []string{"app:jobs", "match", "type=c"}},
		{"counter", []string{"app:took"}}, {"counter", []string{"took_sum"}},
		{"gauge", []string{"app:took", "q", "0.5"}},
		{"counter", []string{"container.cpu.usage"}}, {"gauge", []string{"container.memory.current"}},
		{"gauge", []string{"container.cpu.usage", "rate", "1"}},
		{"counter", []string{"app.count"}}, {"mixed", []string{"app.value"}},
		{"counter", []string{"app.value", "match", "type=c"}},
	} {
		m := queryOf(t, o, 200, append([]string{"start", "1699999999", "end", "1700000002", "step", "0", "metric"},
			c.ask...)...)
		if m.Type != c.want || len(m.Result) == 0 {
			t.Errorf("%q: %d series of type %s, want %s", c.ask, len(m.Result), m.Type, c.want)
		}
	}
}
