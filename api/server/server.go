package server

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/console"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/server/dcos"
	"github.com/daytwo/daytwo/api/server/logs"
	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/api/server/prom"
	"github.com/daytwo/daytwo/api/server/web"
)

// Options of New. Fleet and Guard are required.
type Options struct {
	Fleet   query.Fleet
	History query.History     // if nil, queries return query.ErrNoHistory
	Logs    query.Logs        // if nil, the routes of logs answer with status 501
	Sinks   query.Sinks       // if nil, the routes of sinks answer with status 501
	Guard   *auth.Guard       // checks the token
	Agent   string            // id of the agent on this machine, "" if there is none
	Cluster string            // name of the cluster
	Version string            // of the program
	Ready   *ready.Parts      // for /readyz; if nil, always ready
	Metrics []func(io.Writer) // write more families to /metrics, in the text format 0.0.4
	Log     *slog.Logger      // default slog.Default()
}

// server answers the routes of a relay.
type server struct {
	Options
	scraper *prom.Scraper
	dcos    dcos.API
	logs    *logs.API
	streams *logstream.Streams
	now     func() time.Time
}

// New returns the handler of a relay's routes. It returns an error without a fleet or a
// guard.
func New(o Options) (http.Handler, error) {
	if o.Fleet == nil || o.Guard == nil {
		return nil, errors.New("server: a fleet and a guard are required")
	}
	if o.History == nil {
		o.History = query.NoHistory{}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := newServer(o)
	open := s.openRoutes()
	mux := web.Mux(slices.Concat(open, s.tokenRoutes()), "GET /api/v1/openapi.json lists all routes", o.Log)
	return web.Bounded(o.Guard.Handler(mux, http.HandlerFunc(denied), func(r *http.Request) bool {
		return slices.ContainsFunc(open, func(rt web.Route) bool {
			return strings.TrimSuffix(rt.Path, "{$}") == r.URL.Path
		})
	})), nil
}

func newServer(o Options) *server {
	streams := logstream.New(logstream.Options{Log: o.Log})
	return &server{
		Options: o, streams: streams, scraper: prom.NewScraper(o.Fleet, true), now: time.Now,
		dcos: dcos.API{Fleet: o.Fleet, Agent: o.Agent, Cluster: o.Cluster, Version: o.Version, Now: time.Now,
			Logs: o.Logs, Streams: streams},
		logs: logs.New(logs.Options{Logs: o.Logs, Streams: streams}),
	}
}

// denied answers a request without the token.
func denied(w http.ResponseWriter, _ *http.Request) {
	web.WriteError(w, &web.Error{Status: http.StatusUnauthorized,
		Message: "this route requires the token in <data>/token: send it as 'Authorization: Bearer TOKEN' or ?token=TOKEN"})
}

// openRoutes do not require the token: they show nothing of the fleet. A test asserts that
// openapi.json describes each route.
func (s *server) openRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/{$}", Handle: s.console},
		{Method: "GET", Path: "/healthz", Handle: web.Healthz},
		{Method: "GET", Path: "/readyz", Handle: readyz(s.Ready)},
	}
}

// tokenRoutes require the token.
func (s *server) tokenRoutes() []web.Route {
	native := []web.Route{
		{Method: "GET", Path: "/metrics", Handle: s.metrics},
		{Method: "GET", Path: "/fleet/metrics", Handle: s.fleetMetrics},
		{Method: "GET", Path: "/api/v1/openapi.json", Handle: s.openapi},
		{Method: "GET", Path: "/api/v1/agents", Handle: s.agents},
		{Method: "GET", Path: "/api/v1/containers", Handle: s.containers},
		{Method: "GET", Path: "/api/v1/query", Handle: s.query},
		{Method: "GET", Path: "/api/v1/statsd", Handle: s.statsd},
		{Method: "GET", Path: "/api/v1/events", Handle: s.events},
	}
	return slices.Concat(native, s.sinkRoutes(), s.logs.Routes(), s.dcos.ThisNode(), s.dcos.AnyAgent(),
		s.dcos.ClusterState(),
		s.dcos.LogRoutes())
}

func (s *server) console(w http.ResponseWriter, r *http.Request) error {
	console.Handler.ServeHTTP(w, r)
	return nil
}

// metrics answers with the relay's own metrics.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) error {
	prom.ServeText(w, r, append([]func(io.Writer){prom.WriteProcess, s.streams.WriteMetrics}, s.Metrics...)...)
	return nil
}

// fleetMetrics answers GET /fleet/metrics.
func (s *server) fleetMetrics(w http.ResponseWriter, r *http.Request) error {
	q, err := params(r, "agent")
	if err != nil {
		return err
	}
	agents, err := s.agentsOf(q.Get("agent"))
	if err != nil {
		return err
	}
	return s.scraper.ServeFleet(w, r, agents, s.now(), s.Log)
}
