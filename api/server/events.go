package server

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
)

// The number of events in an answer.
const (
	defaultEvents = 100
	maxEvents     = 10_000
)

// events answers GET /api/v1/events.
func (s *server) events(w http.ResponseWriter, r *http.Request) error {
	q, err := params(r, "agent", "container", "match", "start", "end", "limit")
	if err != nil {
		return err
	}
	ask := query.EventQuery{Agent: q.Get("agent"), Limit: defaultEvents}
	now := s.now()
	end, err := timeParam(q, "end", now, now)
	if err != nil {
		return err
	}
	start, err := timeParam(q, "start", now, end.Add(-defaultSpan))
	if err != nil {
		return err
	}
	if ask.Start, ask.End = start.UnixNano(), end.UnixNano(); ask.Start > ask.End {
		return web.BadRequest("start is after end")
	}
	if v := q.Get("limit"); v != "" {
		if ask.Limit, err = strconv.Atoi(v); err != nil || ask.Limit < 1 || ask.Limit > maxEvents {
			return web.BadRequest("limit=%q: use a number from 1 to %d", v, maxEvents)
		}
	}
	if ask.Match, err = matchEvents(q.Get("match"), q.Get("container")); err != nil {
		return err
	}
	if ask.Agent != "" {
		if _, err := s.agentsOf(ask.Agent); err != nil {
			return err
		}
	}
	found, err := s.History.Events(r.Context(), ask)
	if err != nil {
		return err
	}
	list := make([]v1.Event, len(found))
	for i := range found {
		list[i] = newEvent(&found[i])
	}
	return web.WriteJSON(w, r, v1.Events{Events: list})
}

// containerNames are the labels that ?container= is compared with.
var containerNames = []string{"container_id", "task_id", "container_name", "task_name", "name"}

// matchEvents is parseMatch for events: their title is searched like a label.
// With container it matches events of that container only, given by one of
// containerNames.
func matchEvents(text, container string) (query.Match, error) {
	match, err := parseMatch(text)
	if err != nil || match == nil && container == "" {
		return nil, err
	}
	return func(agent string, row, parent *frame.Row) bool {
		origin := row
		if parent != nil {
			origin = parent
		}
		called := func(name string) bool { return origin.Label(name) == container }
		if container != "" && !slices.ContainsFunc(containerNames, called) {
			return false
		}
		if match == nil {
			return true
		}
		titled := &frame.Row{ID: row.ID, Key: row.Label("cgroup"),
			Labels: append(slices.Clone(row.Labels), frame.Label{Name: "title", Value: row.Key})}
		return match(agent, titled, parent)
	}, nil
}

// newEvent returns the document of an event.
func newEvent(e *query.Event) v1.Event {
	out := v1.Event{
		ID:   e.Agent + "/" + strconv.FormatUint(e.Boot, 16) + "/" + strconv.FormatUint(e.Row.ID, 10),
		Time: time.Unix(0, e.Time).UTC(), Received: time.Unix(0, e.Tick).UTC(), AgentID: e.Agent, Title: e.Row.Key,
	}
	if e.Time == metric.Absent {
		out.Time = out.Received
	}
	if e.Parent != nil {
		out.Cgroup, out.Container = e.Parent.Key, displayName(e.Parent)
		addEventLabels(&out, e.Parent.Labels, false)
	} else {
		out.Container = displayName(&frame.Row{Key: e.Row.Label("cgroup"), Labels: e.Row.Labels})
	}
	addEventLabels(&out, e.Row.Labels, true)
	out.Tags = query.TagMap(query.Tags(e.Row.Labels), func(string) bool { return false })
	return out
}

// addEventLabels fills the fields of e from labels: the origin from any labels,
// what happened only from the event's own.
func addEventLabels(e *v1.Event, labels []frame.Label, own bool) {
	for _, l := range labels {
		if p := eventOrigin(e, l.Name); p != nil {
			*p = l.Value
		} else if p := eventField(e, l.Name); own && p != nil {
			*p = l.Value
		} else if own && l.Name == "truncated" {
			e.Truncated = true
		}
	}
}

// eventOrigin returns the field of e for a label of the sender, nil for others.
func eventOrigin(e *v1.Event, name string) *string {
	switch name {
	case "cgroup":
		return &e.Cgroup
	case "container_id":
		return &e.ContainerID
	case "executor_id":
		return &e.ExecutorID
	case "framework_id":
		return &e.FrameworkID
	case "framework_name":
		return &e.FrameworkName
	case "application_name":
		return &e.ApplicationName
	case "task_id":
		return &e.TaskID
	case "task_name":
		return &e.TaskName
	}
	return nil
}

// eventField returns the field of e for a label of the event itself, nil for others.
func eventField(e *v1.Event, name string) *string {
	switch name {
	case "text":
		return &e.Text
	case "host":
		return &e.Host
	case "priority":
		return &e.Priority
	case "alert_type":
		return &e.AlertType
	case "source_type":
		return &e.SourceType
	case "aggregation_key":
		return &e.AggregationKey
	case "check":
		return &e.Check
	case "status":
		return &e.Status
	case "message":
		return &e.Message
	}
	return nil
}
