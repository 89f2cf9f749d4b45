package gateway

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
)

// routed is a fleet on which "web" runs on two nodes, "web-2" on one, and "api" on another.
func routed(t *testing.T) *cluster {
	c := newCluster(t, 4)
	for i, task := range []string{"web", "web-2", "api", "web"} {
		c.node(c.Agents()[i].ID).Say(start0+int64(i), task, "of "+task, "_SYSTEMD_UNIT="+task+".service")
	}
	return c
}

func TestRoute(t *testing.T) {
	c := routed(t)
	for want, q := range map[string]query.LogQuery{
		"node-0 node-3":               {Tasks: []string{"web"}}, // exact wins over the beginning of another
		"node-1":                      {Tasks: []string{"web-"}},
		"node-2":                      {Tasks: []string{"a"}},
		"node-0 node-1 node-3":        {Tasks: []string{"web*"}},
		"node-0 node-2 node-3":        {Tasks: []string{"web", "api"}},
		"node-1 node-2":               {Units: []string{"api", "web-2.service"}},
		"node-3":                      {Tasks: []string{"web"}, Agents: []string{"node-3"}},
		"node-0":                      {Tasks: []string{"web"}, Agents: []string{"host-of-node-[01]"}},
		"node-2 ":                     {Containers: []string{"api-on"}},
		"node-0 node-1 node-2 node-3": {},
		" node-2":                     {Tasks: []string{"?pi"}, Units: []string{"api.service"}},
	} {
		var agents []string
		for _, l := range c.read(q).lines {
			agents = append(agents, strings.Fields(l)[0])
		}
		if got := strings.Join(agents, " "); got != strings.TrimSpace(want) {
			t.Errorf("%+v: %s, want %s", q, got, want)
		}
	}
	before := c.node("node-0").asks
	c.read(query.LogQuery{Containers: []string{"api-on-node-2"}})
	if c.node("node-0").asks != before {
		t.Error("a container that runs was looked for elsewhere")
	}
}

func TestNotRouted(t *testing.T) {
	c := routed(t)
	fails := func(want error, q query.LogQuery) {
		t.Helper()
		if _, err := c.Entries(t.Context(), &q); !errors.Is(err, want) {
			t.Errorf("entries of %+v: %v, want %v", q, err, want)
		}
		if _, err := c.Fields(t.Context(), &q); !errors.Is(err, want) && q.Cursor == "" && !q.Follow {
			t.Errorf("fields of %+v: %v, want %v", q, err, want)
		}
	}
	fails(query.ErrNoSuchSource, query.LogQuery{Tasks: []string{"none"}})
	fails(query.ErrNoSuchSource, query.LogQuery{Tasks: []string{"web"}, Units: []string{"api.service"}})
	fails(query.ErrNoSuchSource, query.LogQuery{Tasks: []string{"none"}, Follow: true})
	fails(query.ErrUnknownAgent, query.LogQuery{Agents: []string{"none"}})
	fails(query.ErrUnknownAgent, query.LogQuery{Agents: []string{"x*"}})
	fails(query.ErrBadLogQuery, query.LogQuery{Follow: true, Reverse: true})
	fails(query.ErrBadLogQuery, query.LogQuery{Grep: "("})
	fails(query.ErrBadCursor, query.LogQuery{Cursor: "m1."})
	fails(query.ErrBadCursor, query.LogQuery{Cursor: "m1.%%%%%%%%%%%%%%%%%%%%%%%%"})
	fails(query.ErrBadCursor, query.LogQuery{Cursor: "m1.abc"})
	var ambiguous *query.AmbiguousError
	_, err := c.Entries(t.Context(), &query.LogQuery{Containers: []string{"web"}})
	if !errors.As(err, &ambiguous) ||
		!slices.Equal(ambiguous.Candidates, []string{"web-2-on-node-1", "web-on-node-0", "web-on-node-3"}) {
		t.Errorf("%v", err)
	}
	_, err = c.Values(t.Context(), &query.LogQuery{Agents: []string{"node-"}}, "MESSAGE", 5)
	if !errors.As(err, &ambiguous) {
		t.Errorf("%v", err)
	}
	c.node("node-1").leave()
	fails(query.ErrNodeAway, query.LogQuery{Agents: []string{"node-1"}})
	_, err = c.Entries(t.Context(), &query.LogQuery{Tasks: []string{"web-"}})
	if !errors.Is(err, query.ErrNoSuchSource) || !strings.Contains(err.Error(), "did not answer: node-1") {
		t.Errorf("what an agent has that is away: %v", err)
	}
	c.restart(func(o *Options) { o.MaxAgents = 3 })
	fails(query.ErrBadLogQuery, query.LogQuery{})
	c.restart(func(o *Options) { o.MaxStreams = 2 })
	busy := &query.LogQuery{Agents: []string{"node-0", "node-2", "node-3"}}
	if _, err := c.Entries(t.Context(), busy); !errors.Is(err, query.ErrLogsBusy) {
		t.Errorf("too many streams: %v", err)
	}
	if n := c.streams.Load(); n != 0 {
		t.Errorf("%d streams are left", n)
	}
}

func TestFacets(t *testing.T) {
	c := routed(t)
	fields, err := c.Fields(t.Context(), &query.LogQuery{})
	if err != nil || !slices.Equal(fields, []string{"MESSAGE", "_SYSTEMD_UNIT"}) {
		t.Errorf("%v, %v", fields, err)
	}
	values, err := c.Values(t.Context(), &query.LogQuery{}, "_SYSTEMD_UNIT", 2)
	if err != nil || !slices.Equal(values, []string{"api.service", "web-2.service"}) {
		t.Errorf("%v, %v", values, err)
	}
	buckets, err := c.Histogram(t.Context(), &query.LogQuery{}, 10)
	if err != nil || len(buckets) != 1 || buckets[0].Counts[6] != 4 {
		t.Errorf("%v, %v", buckets, err)
	}
	boots, err := c.Boots(t.Context(), &query.LogQuery{Tasks: []string{"web"}})
	if err != nil || len(boots) != 2 || boots[1].Agent != "node-3" {
		t.Errorf("%v, %v", boots, err)
	}
	c.node("node-3").leave()
	var partial *query.PartialError
	fields, err = c.Fields(t.Context(), &query.LogQuery{})
	if !errors.As(err, &partial) || !slices.Equal(partial.Away, []string{"node-3"}) || len(fields) != 2 {
		t.Errorf("one away: %v, %v", fields, err)
	}
}

// What a node cannot read is an event or a partial answer, and is logged and counted.
func TestNodeFails(t *testing.T) {
	c := routed(t)
	var log rig.Buffer
	c.restart(func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	c.node("node-3").Fail(errors.New("the disk is gone"))
	var events []string
	r, err := c.Entries(t.Context(), &query.LogQuery{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		rec, err := r.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Event != nil {
			events = append(events, fmt.Sprint(rec.Event.Kind, " ", rec.Event.Agent, " ", rec.Event.Message))
		}
	}
	if want := []string{"unreadable node-3 reading this node ended: the disk is gone"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
	var partial *query.PartialError
	if _, err := c.Fields(t.Context(), &query.LogQuery{}); !errors.As(err, &partial) {
		t.Errorf("fields: %v", err)
	}
	if n := strings.Count(log.String(), "agent=node-3 err=\"the disk is gone\""); n != 2 || c.counts.failed.Load() != 2 {
		t.Errorf("%d failures are counted, the log has %s", c.counts.failed.Load(), log.String())
	}
}

// What a node found in the time that it had is part of the answer, which says that it is not all.
func TestNodeUnfinished(t *testing.T) {
	c := routed(t)
	c.node("node-3").Fail(&query.PartialError{Unfinished: []string{"node-3"}})
	var partial *query.PartialError
	buckets, err := c.Histogram(t.Context(), &query.LogQuery{}, 10)
	if !errors.As(err, &partial) || !slices.Equal(partial.Unfinished, []string{"node-3"}) || partial.Away != nil ||
		len(buckets) != 1 || buckets[0].Counts[6] != 3 {
		t.Errorf("%v, %v", buckets, err)
	}
	c.node("node-1").leave()
	fields, err := c.Fields(t.Context(), &query.LogQuery{})
	if !errors.As(err, &partial) || !slices.Equal(partial.Unfinished, []string{"node-3"}) ||
		!slices.Equal(partial.Away, []string{"node-1"}) || len(fields) != 2 {
		t.Errorf("%v, %v", fields, err)
	}
	if n := c.counts.failed.Load(); n != 0 {
		t.Errorf("%d failures are counted", n)
	}
}
