package server

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/server/dcos"
	"github.com/daytwo/daytwo/api/server/prom"
	"github.com/daytwo/daytwo/api/server/web"
)

// NewNode returns the handler of one node. It does not require a token, so that it must be
// served on loopback addresses only. Its routes are /metrics, with the metrics of cAdvisor
// and node_exporter, /healthz, /readyz, and DC/OS' metrics API for this node. If parts is
// nil, /readyz always answers ready; if log is nil, it uses slog.Default().
func NewNode(fleet query.Fleet, agent string, parts *ready.Parts, log *slog.Logger) http.Handler {
	if log == nil {
		log = slog.Default()
	}
	scraper := prom.NewScraper(fleet, false)
	api := dcos.API{Fleet: fleet, Agent: agent, Now: time.Now}
	routes := append(api.ThisNode(),
		web.Route{Method: "GET", Path: "/healthz", Handle: web.Healthz},
		web.Route{Method: "GET", Path: "/readyz", Handle: readyz(parts)},
		web.Route{Method: "GET", Path: "/metrics", Handle: func(w http.ResponseWriter, r *http.Request) error {
			return scraper.ServeNode(w, r, agent)
		}},
	)
	mux := web.Mux(routes, "the routes are /metrics, /healthz, /readyz and /system/v1/metrics/v0/", log)
	return web.Bounded(web.RefuseRebinding(mux))
}
