package dcos

import (
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/dcos/logs"
	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/api/server/web"
)

// API answers DC/OS' routes over a fleet.
type API struct {
	Fleet   query.Fleet
	Agent   string             // id of the agent on this machine, "" if there is none
	Cluster string             // name of the cluster
	Version string             // of the program
	Now     func() time.Time   // time.Now
	Logs    query.Logs         // nil if there are none
	Streams *logstream.Streams // default: of its own
	Sizes   *logs.Sizes        // of the files that logs seem to be; default: its own
	Ended   *Ended             // nil: tasks that ended are not known
	// Sees reports whether the asker may see a container that ended; nil is every one.
	Sees func(agent string, origin *frame.Row) bool
	// LogScope returns which log entries the asker may see; nil is everything.
	LogScope func(*http.Request) *query.LogScope
}

// LogRoutes returns the log routes and the files API.
func (s *API) LogRoutes() []web.Route { return s.newLogs().Routes() }

// ThisNode returns the metrics API of the agent on this machine.
func (s *API) ThisNode() []web.Route { return s.metrics("/system/v1/metrics/v0") }

// AnyAgent returns the metrics API of every agent, by its id.
func (s *API) AnyAgent() []web.Route { return s.metrics("/system/v1/agent/{agent}/metrics/v0") }

func (s *API) metrics(prefix string) []web.Route {
	return []web.Route{
		{Method: "GET", Path: prefix + "/ping", Handle: s.ping},
		{Method: "GET", Path: prefix + "/node", Handle: s.node},
		{Method: "GET", Path: prefix + "/containers", Handle: s.containers},
		{Method: "GET", Path: prefix + "/containers/{id}", Handle: s.container},
		{Method: "GET", Path: prefix + "/containers/{id}/app", Handle: s.app},
		{Method: "GET", Path: prefix + "/containers/{id}/app/{metric}", Handle: s.app},
	}
}

// ClusterState returns the documents of Mesos and DC/OS that their command lines read
// before they ask for metrics.
func (s *API) ClusterState() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/mesos/master/state", Handle: s.state},
		{Method: "GET", Path: "/mesos/master/state.json", Handle: s.state},
		{Method: "GET", Path: "/mesos/state", Handle: s.state},
		{Method: "GET", Path: "/mesos/master/slaves", Handle: s.slaveList},
		{Method: "GET", Path: "/mesos/slaves", Handle: s.slaveList},
		{Method: "GET", Path: "/mesos/master/state-summary", Handle: s.stateSummary},
		{Method: "GET", Path: "/mesos/state-summary", Handle: s.stateSummary},
		{Method: "POST", Path: "/mesos/api/v1", Handle: s.operatorAPI},
		{Method: "GET", Path: "/mesos_dns/v1/hosts/{name}", Handle: s.mesosDNS},
		{Method: "GET", Path: "/net/v1/nodes", Handle: s.netNodes},
		{Method: "GET", Path: "/capabilities", Handle: s.capabilities},
		{Method: "GET", Path: "/metadata", Handle: s.metadata},
		{Method: "GET", Path: "/dcos-metadata/dcos-version.json", Handle: s.version},
		{Method: "GET", Path: "/dcos-metadata/ui-config.json", Handle: s.uiConfig},
		{Method: "GET", Path: "/slave/{agent}/state.json", Handle: s.agentState},
		{Method: "GET", Path: "/slave/{agent}/state", Handle: s.agentState},
	}
}
