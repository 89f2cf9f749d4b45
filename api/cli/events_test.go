package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/api/v1"
)

// told is a history of events, which remembers what it was asked for.
type told struct {
	query.NoHistory
	events []query.Event
	asked  query.EventQuery
}

func (f *told) Events(_ context.Context, q query.EventQuery) ([]query.Event, error) {
	f.asked = q
	var out []query.Event
	for _, e := range f.events {
		if q.Match == nil || q.Match(e.Agent, e.Row, e.Parent) {
			out = append(out, e)
		}
	}
	return out[max(0, len(out)-q.Limit):], nil
}

func TestEventCommands(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local).UnixNano()
	web := &frame.Row{ID: 2, Key: "/docker/web", Labels: labels("container_id", "0123456789abcdef", "name", "web")}
	gone := &frame.Row{ID: 9, Key: "/docker/job", Labels: labels("container_id", "beef", "name", "job")}
	f := &told{events: []query.Event{
		{Agent: "agent-1", Boot: 1, Tick: at, Time: at, Parent: web, Row: &frame.Row{ID: 1, Key: "deployed",
			Labels: labels("alert_type", "success", "tag.env", "prod", "text", "version 2\nby \x1b[31mme")}},
		{Agent: "agent-1", Boot: 1, Tick: at, Time: at, Parent: gone, Row: &frame.Row{ID: 2, Key: "db.up is critical",
			Labels: labels("alert_type", "error", "check", "db.up", "message", "no route")}},
	}}
	local := query.NewLocal("agent-1", "alpha")
	local.Update(func(b *frame.Batch) { query.CopyBatch(b, tick(1)) })
	serveRoutes(t, server.Options{Fleet: local, History: f})

	check := func(want string, args ...string) {
		t.Helper()
		if out, _ := ask(t, 0, args...); out != want {
			t.Errorf("%q: got\n%s\nwant\n%s", args, out, want)
		}
	}
	check(`TIME                 AGENT    CONTAINER  ALERT    EVENT
2026-01-02 03:04:05  agent-1  web        success  deployed: version 2 by ?[31mme
2026-01-02 03:04:05  agent-1  job        error    db.up is critical: no route
`, "events")
	check(`TIME                 AGENT    CONTAINER  ALERT    TAGS      EVENT
2026-01-02 03:04:05  agent-1  web        success  env:prod  deployed: version 2 by ?[31mme
`, "events", "-o", "wide", "--container", "web", "--agent", "alpha", "--since", "2d")
	if f.asked.Agent != "agent-1" || f.asked.Limit != 100 || f.asked.End-f.asked.Start != int64(48*time.Hour) {
		t.Errorf("asked %+v", f.asked)
	}
	check("TIME                 ALERT    EVENT\n"+
		"2026-01-02 03:04:05  success  deployed: version 2 by ?[31mme\n", "task", "events", "web")
	check("TIME                 ALERT  EVENT\n"+
		"2026-01-02 03:04:05  error  db.up is critical: no route\n", "task", "events", "job", "--limit", "5")
	check("[]\n", "events", "--match", "nothing", "-o", "json")
	out, _ := ask(t, 0, "events", "--json", "--match", "check=db.up")
	var list []v1.Event
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || list[0].ContainerID != "beef" {
		t.Errorf("%v: %s", err, out)
	}
	if _, errs := ask(t, 1, "task", "events", "nobody"); !strings.Contains(errs, "no task matches") {
		t.Error(errs)
	}
	for _, args := range [][]string{
		{"events", "x"}, {"events", "--limit", "0"}, {"events", "--since", "0s"}, {"events", "-f", "-o", "yaml"},
		{"task", "events"},
	} {
		ask(t, 2, args...)
	}
}

// Following tells each event once: what comes late and what comes out of order
// too, but not what the limit left out.
func TestFollowEvents(t *testing.T) {
	event := func(ids ...string) (list []v1.Event) {
		for _, id := range ids {
			list = append(list, v1.Event{ID: id, Title: id})
		}
		return list
	}
	answers := [][]v1.Event{
		event("a", "b", "c"), event("b", "c", "d"), event("a", "b", "c", "d"), event("b", "late", "c", "d", "e"),
	}
	o := eventOptions{q: client.EventsQuery{Since: time.Hour, Limit: 3}, follow: true, out: &output{format: "json"}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := 0
	answer := func(_ context.Context, q client.EventsQuery) ([]v1.Event, error) {
		if (q.Limit == 3) != (asked == 1) || q.Since == time.Hour != (asked == 1) {
			t.Errorf("question %d: %+v", asked, q)
		}
		if asked == len(answers) {
			cancel()
			return nil, errors.New("interrupted")
		}
		asked++
		return answers[asked-1], nil
	}
	var out bytes.Buffer
	if err := o.followEvents(ctx, answer, func(list []v1.Event) error { return eventLines(&out, list) }); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		var e v1.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, e.ID)
	}
	if !slices.Equal(got, []string{"b", "c", "d", "late", "e"}) {
		t.Errorf("told %q", got)
	}
}
