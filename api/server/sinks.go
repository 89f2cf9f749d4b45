package server

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/timespec"
	"github.com/daytwo/daytwo/api/v1"
)

// The number of dead letters in an answer.
const (
	defaultDead = 20
	maxDead     = 1000
)

// sinkRoutes list and control the sinks of logs.
func (s *server) sinkRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/api/v1/sinks", Handle: s.sinks},
		{Method: "GET", Path: "/api/v1/sinks/{name}/dead", Handle: s.deadLetters},
		{Method: "POST", Path: "/api/v1/sinks/{name}/pause", Handle: s.controlSink(nil,
			func(r *http.Request, name string, _ url.Values) error { return s.Sinks.Pause(r.Context(), name) })},
		{Method: "POST", Path: "/api/v1/sinks/{name}/resume", Handle: s.controlSink(nil,
			func(r *http.Request, name string, _ url.Values) error { return s.Sinks.Resume(r.Context(), name) })},
		{Method: "POST", Path: "/api/v1/sinks/{name}/reset", Handle: s.controlSink([]string{"to"}, s.resetSink)},
		{Method: "POST", Path: "/api/v1/sinks/{name}/test", Handle: s.controlSink(nil, s.testSink)},
	}
}

// errNoSinks is the answer of a relay without sinks.
var errNoSinks = &web.Error{Status: http.StatusNotImplemented,
	Message: "this relay has no sinks: start it with --sinks FILE"}

// sinks answers GET /api/v1/sinks.
func (s *server) sinks(w http.ResponseWriter, r *http.Request) error {
	if _, err := params(r); err != nil {
		return err
	}
	if s.Sinks == nil {
		return errNoSinks
	}
	all, refused := s.Sinks.List(r.Context())
	doc := v1.Sinks{Sinks: make([]v1.Sink, len(all)), ConfigRefused: refused}
	for i := range all {
		doc.Sinks[i] = newSink(&all[i])
	}
	return web.WriteJSON(w, r, doc)
}

// newSink returns the document of a sink.
func newSink(q *query.Sink) v1.Sink {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC()
		return &t
	}
	refused := q.Refused
	if refused == nil {
		refused = map[string]uint64{}
	}
	return v1.Sink{
		Name: q.Name, Type: q.Type, Target: q.Target, State: q.State, Relay: q.Relay, Error: q.Error,
		FailingSince: at(q.FailingSince), LastDelivery: at(q.LastDelivery), Pending: q.PendingMessages,
		Behind: q.Behind.Seconds(), Received: q.Received, Filtered: q.Filtered, Delivered: q.Delivered, Bytes: q.Bytes,
		Retries: q.Retries, Known: q.Known, Duplicates: q.Duplicates, Cut: q.Cut, Refused: refused,
		Malformed: q.Malformed, DeadLost: q.DeadLost,
	}
}

// controlSink returns the handler of a change of one sink.
func (s *server) controlSink(names []string, do func(*http.Request, string, url.Values) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		q, err := params(r, names...)
		if err != nil {
			return err
		}
		if s.Sinks == nil {
			return errNoSinks
		}
		if err := do(r, r.PathValue("name"), q); err != nil {
			return err
		}
		return web.WriteJSON(w, r, v1.SinkDone{OK: true})
	}
}

// resetSink moves a sink's position.
func (s *server) resetSink(r *http.Request, name string, q url.Values) error {
	var to time.Time
	switch v := q.Get("to"); v {
	case "start":
	case "end":
		to = s.now()
	case "":
		return web.BadRequest("to= is missing: give start, end, or a time such as '2026-03-01 12:00' or '-1h'")
	default:
		var err error
		if to, err = timespec.Parse(v, s.now()); err != nil {
			return web.BadRequest("to=%q: use start, end, or a time such as '2026-03-01 12:00' or '-1h': %v", v, err)
		}
	}
	return s.Sinks.Reset(r.Context(), name, to)
}

// testSink answers with status 502 if the receiver cannot be used.
func (s *server) testSink(r *http.Request, name string, _ url.Values) error {
	known, _ := s.Sinks.List(r.Context())
	for i := range known {
		if known[i].Name != name {
			continue
		}
		if err := s.Sinks.Test(r.Context(), name); err != nil {
			return &web.Error{Status: http.StatusBadGateway, Message: known[i].Target + ": " + err.Error()}
		}
		return nil
	}
	return s.Sinks.Test(r.Context(), name)
}

// deadLetters answers GET /api/v1/sinks/{name}/dead.
func (s *server) deadLetters(w http.ResponseWriter, r *http.Request) error {
	q, err := params(r, "limit")
	if err != nil {
		return err
	}
	if s.Sinks == nil {
		return errNoSinks
	}
	limit := defaultDead
	if v := q.Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > maxDead {
			return web.BadRequest("limit=%q: use a number from 1 to %d", v, maxDead)
		}
	}
	dead, err := s.Sinks.Dead(r.Context(), r.PathValue("name"), limit)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, r, v1.DeadLetters{Dead: dead})
}
