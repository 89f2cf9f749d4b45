package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/gate"
	"github.com/daytwo/daytwo/api/auth/oidc"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/server/dcos"
	dcoslogs "github.com/daytwo/daytwo/api/server/dcos/logs"
	dcossessions "github.com/daytwo/daytwo/api/server/dcos/sessions"
	"github.com/daytwo/daytwo/api/server/logs"
	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/api/server/prom"
	"github.com/daytwo/daytwo/api/server/sessions"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session/broker"
)

// Options of New. Fleet and Guard are required.
type Options struct {
	Fleet   query.Fleet
	History query.History         // if nil, queries return query.ErrNoHistory
	Logs    query.Logs            // if nil, the routes of logs answer with status 501
	Sinks   query.Sinks           // if nil, the routes of sinks answer with status 501
	Gate    *gate.Gate            // finds out who sends a request; default: by Guard alone
	Guard   *auth.Guard           // checks the admin token
	Policy  func() *policy.Policy // what everybody but the admin may do; default: nothing
	Audit   func(audit.Record)    // keeps who did what; nil for none
	SignIn  SignIn                // signs local users in; nil for a relay without
	OIDC    *oidc.Provider        // signs people in; nil for a relay without an identity provider
	Public  *url.URL              // how users reach the relay; if nil, as each browser says
	Agent   string                // id of the agent on this machine, "" if there is none
	Cluster string                // name of the cluster
	Version string                // of the program
	Ready   *ready.Parts          // for /readyz; if nil, always ready
	Metrics []func(io.Writer)     // write more families to /metrics, in the text format 0.0.4
	Log     *slog.Logger          // default slog.Default()

	// Checkpoints returns those of a relay's audit log that NATS has, "" for this relay; nil for
	// a relay without an audit log.
	Checkpoints func(ctx context.Context, relay string) ([]audit.Sent, error)
	Sessions    broker.Sessions  // in containers; nil for a relay without them
	Approvals   broker.Approvals // of sessions; nil likewise
	Enrollment  Enrollment       // lets nodes into the cluster; nil for a relay without its keys
}

// server answers the routes of a relay.
type server struct {
	Options
	scraper  *prom.Scraper
	dcos     dcos.API
	logs     *logs.API
	sessions sessions.API
	now      func() time.Time
	shared
}

// shared is what a server and those that are narrowed from it have in common.
type shared struct {
	streams *logstream.Streams
	sizes   *dcoslogs.Sizes
	ended   *dcos.Ended
	nested  *dcossessions.Table
}

// New returns the handler of a relay's routes. It returns an error without a fleet, or
// without a gate or a guard.
func New(o Options) (http.Handler, error) {
	if o.Fleet == nil || o.Guard == nil && o.Gate == nil {
		return nil, errors.New("server: a fleet and a gate or a guard are required")
	}
	if o.History == nil {
		o.History = query.NoHistory{}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Gate == nil {
		o.Gate = gate.New(gate.Options{Token: o.Guard})
	}
	if o.Policy == nil {
		none := policy.AdminOnly()
		o.Policy = func() *policy.Policy { return none }
	}
	a := &access{gate: o.Gate, policy: o.Policy, audit: o.Audit, log: o.Log}
	all := shared{logstream.New(logstream.Options{Log: o.Log}), new(dcoslogs.Sizes), dcos.NewEnded(o.Fleet, o.History),
		new(dcossessions.Table)}
	routes, err := a.guarded(newServer(o, all, nil))
	if err != nil {
		return nil, err
	}
	mux := web.Mux(routes, "GET /api/v1/openapi.json lists all routes", o.Log)
	return web.Bounded(web.RefuseRebinding(mux, o.knownHost,
		"; behind a proxy on this machine, start the relay with --public-url")), nil
}

// knownHost reports whether a request to a loopback address may have any name of a host: one
// that a proxy on this machine passes on. A page of another site has no token to send, and is
// told nothing by the health of a relay.
func (o *Options) knownHost(r *http.Request) bool {
	switch r.URL.Path {
	case "/healthz", "/readyz":
		return true
	}
	return o.Public != nil && strings.EqualFold(r.Host, o.Public.Host) || r.Header.Get("Authorization") != ""
}

// newServer returns a server whose logs are limited to a scope; nil is everything.
func newServer(o Options, all shared, scope *query.LogScope) *server {
	limit := func(*http.Request) *query.LogScope { return scope }
	return &server{
		Options: o, shared: all, scraper: prom.NewScraper(o.Fleet, true), now: time.Now,
		dcos: dcos.API{Fleet: o.Fleet, Agent: o.Agent, Cluster: o.Cluster, Version: o.Version, Now: time.Now,
			Logs: o.Logs, Streams: all.streams, Sizes: all.sizes, Ended: all.ended, LogScope: limit},
		sessions: sessions.API{Sessions: o.Sessions, Approvals: o.Approvals, Policy: o.Policy,
			Proof: func(r *http.Request) error {
				_, err := o.Gate.Principal(r)
				return err
			}},
		logs: logs.New(logs.Options{Logs: o.Logs, Streams: all.streams, Scope: limit}),
	}
}

// groups return the routes of a server, each some of them, always in the same order. What they
// require is in needs. A test asserts that openapi.json describes each of them.
var groups = []func(*server) []web.Route{
	(*server).nativeRoutes, (*server).signInRoutes, (*server).sessionRoutes, (*server).oidcRoutes, (*server).sinkRoutes,
	func(s *server) []web.Route { return s.logs.Routes() },
	func(s *server) []web.Route { return s.sessions.Routes() },
	func(s *server) []web.Route { return s.dcos.ThisNode() }, (*server).enrollRoutes,
	func(s *server) []web.Route { return s.dcos.AnyAgent() },
	func(s *server) []web.Route { return s.dcos.ClusterState() },
	func(s *server) []web.Route { return s.dcos.LogRoutes() },
	func(s *server) []web.Route { return s.dcosSessions().Routes() },
}

// routes returns the routes of all groups.
func (s *server) routes() (all []web.Route) {
	for _, g := range groups {
		all = append(all, g(s)...)
	}
	return all
}

func (s *server) nativeRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/{$}", Handle: s.console},
		{Method: "GET", Path: "/healthz", Handle: web.Healthz},
		{Method: "GET", Path: "/readyz", Handle: readyz(s.Ready)},
		{Method: "GET", Path: "/metrics", Handle: s.metrics},
		{Method: "GET", Path: "/fleet/metrics", Handle: s.fleetMetrics},
		{Method: "GET", Path: "/api/v1/openapi.json", Handle: s.openapi},
		{Method: "GET", Path: "/api/v1/agents", Handle: s.agents},
		{Method: "GET", Path: "/api/v1/containers", Handle: s.containers},
		{Method: "GET", Path: "/api/v1/query", Handle: s.query},
		{Method: "GET", Path: "/api/v1/statsd", Handle: s.statsd},
		{Method: "GET", Path: "/api/v1/events", Handle: s.events},
		{Method: "GET", Path: "/api/v1/audit/checkpoints", Handle: s.checkpoints},
	}
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
