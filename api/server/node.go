package server

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/gate"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/server/dcos"
	"github.com/daytwo/daytwo/api/server/logs"
	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/api/server/prom"
	"github.com/daytwo/daytwo/api/server/web"
)

// NodeOptions of NewNode. Fleet and Agent are required.
type NodeOptions struct {
	Fleet query.Fleet
	Agent string       // id of this node
	Ready *ready.Parts // for /readyz; if nil, always ready
	Logs  query.Logs   // of this node; the routes of logs are not served without Logs or Guard
	Guard *auth.Guard  // checks the token, which the routes of logs require
	Log   *slog.Logger // default slog.Default()
}

// NewNode returns the handler of one node. Most of its routes do not require a token, so
// that it must be served on loopback addresses only: /metrics, with the metrics of cAdvisor
// and node_exporter, /healthz, /readyz, and DC/OS' metrics API for this node. The routes of
// logs, the native ones and those of DC/OS, always require the token.
func NewNode(o NodeOptions) http.Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	routes := o.routes()
	hint := "the routes are /metrics, /healthz, /readyz and /system/v1/metrics/v0/"
	if o.Logs == nil || o.Guard == nil {
		routes = slices.DeleteFunc(routes, func(rt web.Route) bool { return !nodeOpen[rt.Method+" "+rt.Path] })
	} else {
		hint += ", and with the token /api/v1/logs and /system/v1/logs/"
		g := gate.New(gate.Options{Token: o.Guard})
		for i := range routes {
			if rt := &routes[i]; !nodeOpen[rt.Method+" "+rt.Path] {
				rt.Handle = withToken(g, rt.Handle)
			}
		}
	}
	return web.Bounded(web.RefuseRebinding(web.Mux(routes, hint, o.Log), nil, ""))
}

// nodeOpen are the routes of a node that require no token. All others do.
var nodeOpen = map[string]bool{
	"GET /healthz": true,
	"GET /readyz":  true,
	"GET /metrics": true,

	"GET " + thisAgent + "/metrics/v0/ping":                         true,
	"GET " + thisAgent + "/metrics/v0/node":                         true,
	"GET " + thisAgent + "/metrics/v0/containers":                   true,
	"GET " + thisAgent + "/metrics/v0/containers/{id}":              true,
	"GET " + thisAgent + "/metrics/v0/containers/{id}/app":          true,
	"GET " + thisAgent + "/metrics/v0/containers/{id}/app/{metric}": true,
}

// routes returns all routes of a node.
func (o *NodeOptions) routes() []web.Route {
	scraper := prom.NewScraper(o.Fleet, false)
	streams := logstream.New(logstream.Options{Log: o.Log})
	api := dcos.API{Fleet: o.Fleet, Agent: o.Agent, Now: time.Now, Logs: o.Logs, Streams: streams}
	own := []web.Route{
		{Method: "GET", Path: "/healthz", Handle: web.Healthz},
		{Method: "GET", Path: "/readyz", Handle: readyz(o.Ready)},
		{Method: "GET", Path: "/metrics", Handle: func(w http.ResponseWriter, r *http.Request) error {
			return scraper.ServeNode(w, r, o.Agent)
		}},
	}
	return slices.Concat(own, api.ThisNode(), logs.New(logs.Options{Logs: o.Logs, Streams: streams}).Routes(),
		api.LogRoutes())
}

// withToken returns a handler that answers only requests with the token.
func withToken(g *gate.Gate, next web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		switch _, err := g.Principal(r); {
		case errors.Is(err, gate.ErrForeignPage):
			return errForeignPage
		case err != nil:
			w.Header().Set("WWW-Authenticate", `Bearer realm="daytwo"`)
			return &web.Error{Status: http.StatusUnauthorized,
				Message: "this route requires the token in <data>/token: send it as 'Authorization: Bearer TOKEN'"}
		}
		return next(w, r)
	}
}
