package server

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// eventHistory is a history of events, which remembers what it was asked for.
type eventHistory struct {
	query.NoHistory
	all   []query.Event
	asked query.EventQuery
}

func (f *eventHistory) Events(_ context.Context, q query.EventQuery) ([]query.Event, error) {
	f.asked = q
	var out []query.Event
	for _, e := range f.all {
		if q.Match == nil || q.Match(e.Agent, e.Row, e.Parent) {
			out = append(out, e)
		}
	}
	return out[max(0, len(out)-q.Limit):], nil
}

func TestEventsRoute(t *testing.T) {
	container := testtick.Container(0)
	f := &eventHistory{all: []query.Event{
		{Agent: testtick.Agent, Boot: 7, Tick: testtick.Time, Time: testtick.Time - 5e9, Parent: container,
			Row: &frame.Row{ID: 1, Parent: 1, Key: "deployed", Labels: testtick.Labels(
				"text", "version 2\nby <me>", "host", "h", "priority", "low", "alert_type", "success",
				"source_type", "ci", "aggregation_key", "k",
				"tag.env", "prod", "tag.text", "other", "truncated", "true", "container_name", "no")}},
		{Agent: testtick.Agent, Boot: 7, Tick: testtick.Time + 1e9, Time: testtick.Time + 1e9,
			Row: &frame.Row{ID: 2, Key: "db.up is critical, was ok", Labels: testtick.Labels(
				"check", "db.up", "status", "critical", "message", "no route", "alert_type", "error", "container_id",
				"gone", "task_name", "job")}},
		{Agent: testtick.Agent, Boot: 7, Tick: testtick.Time + 1e9, Time: testtick.Time + 1e9,
			Row: &frame.Row{ID: 3, Key: "brief", Labels: testtick.Labels("cgroup", "/docker/f00")}},
		{Agent: "other", Boot: 255, Tick: testtick.Time + 2e9, Time: metric.Absent, Row: &frame.Row{ID: 2, Key: "x"}},
	}}
	srv := serve(t, Options{Fleet: testtick.Local(testtick.New(1, false)), History: f})
	ask := func(query string) []v1.Event {
		t.Helper()
		var answer struct{ Events []v1.Event }
		if code := get(t, srv, "/api/v1/events"+query, &answer); code != http.StatusOK {
			t.Fatalf("%s: status %d", query, code)
		}
		return answer.Events
	}
	titles := func(query, want string) {
		t.Helper()
		var got []string
		for _, e := range ask(query) {
			got = append(got, e.Title)
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%s: %q, want %q", query, s, want)
		}
	}
	all := ask("")
	if len(all) != 4 || f.asked.Limit != defaultEvents || f.asked.End-f.asked.Start != int64(time.Hour) {
		t.Fatalf("%d events, asked %+v", len(all), f.asked)
	}
	e := all[0]
	if e.ID != testtick.Agent+"/7/1" || !e.Time.Equal(time.Unix(0, testtick.Time-5e9)) ||
		!e.Received.Equal(time.Unix(0, testtick.Time)) || e.AgentID != testtick.Agent ||
		e.ContainerID != container.Label("container_id") || e.Container != "web" || e.Cgroup != container.Key ||
		e.FrameworkID != "f-0001" || e.FrameworkName != "marathon" ||
		e.TaskID != "web.0" || e.TaskName != "web" || e.Text != "version 2\nby <me>" || e.Host != "h" ||
		e.Priority != "low" || e.AlertType != "success" ||
		e.SourceType != "ci" || e.AggregationKey != "k" || len(e.Tags) != 2 || e.Tags["env"] != "prod" ||
		e.Tags["text"] != "other" || !e.Truncated {
		t.Errorf("%+v", e)
	}
	if e := all[1]; e.Check != "db.up" || e.Status != "critical" || e.Message != "no route" ||
		e.ContainerID != "gone" || e.Container != "job" || e.Cgroup != "" {
		t.Errorf("%+v", e)
	}
	if e := all[2]; e.Cgroup != "/docker/f00" || e.Container != "/docker/f00" || e.ContainerID != "" {
		t.Errorf("%+v", e)
	}
	if e := all[3]; e.ID != "other/ff/2" || !e.Time.Equal(e.Received) || e.Container != "" {
		t.Errorf("%+v", e)
	}
	titles("?limit=1", "x")
	titles("?match=deploy", "deployed")
	titles("?match=by+<me>", "deployed")
	titles("?match=title=dep*", "deployed")
	titles("?match=alert_type=error", "db.up is critical, was ok")
	titles("?match=env=prod", "deployed")
	titles("?match=task_name=web", "deployed")
	titles("?container=web-0", "deployed")
	titles("?container=gone&match=critical", "db.up is critical, was ok")
	titles("?container=we", "")
	titles("?match=cgroup=/docker/f*", "brief")
	titles("?agent="+testtick.Agent+"&start=-5m&end=now", "deployed|db.up is critical, was ok|brief|x")
	if f.asked.Agent != testtick.Agent || f.asked.End-f.asked.Start != int64(5*time.Minute) {
		t.Errorf("asked %+v", f.asked)
	}
	for query, want := range map[string]int{"?limit=0": 400, "?limit=x": 400, "?limit=100000": 400,
		"?start=now&end=-1m": 400, "?start=x": 400, "?match=a=b,c": 400, "?agent=nobody": 404, "?x=y": 400} {
		if code := get(t, srv, "/api/v1/events"+query, nil); code != want {
			t.Errorf("%s: status %d, want %d", query, code, want)
		}
	}
	if code := get(t, newTestServer(t, testtick.New(1, false)), "/api/v1/events",
		nil); code != http.StatusNotImplemented {
		t.Errorf("without history: status %d", code)
	}
}
