package logs

import (
	"net/http"
	"slices"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/api/server/web"
)

// API answers DC/OS' log routes.
type API struct {
	Logs    query.Logs
	Streams *logstream.Streams
	Agent   string // id of the agent on this machine, "" if there is none
	// Known reports whether there is an agent of an id.
	Known func(agent string) bool
	// Task finds a task that runs, or else one that ended, by the id that DC/OS' clients know
	// it by.
	Task func(id string) (Task, bool)
	// Tasks returns the tasks that run on an agent, "" for all.
	Tasks func(agent string) []Task
	// Running finds a running container of an agent.
	Running func(agent, container string) (Task, bool)
	// Scope returns what the asker may see; nil is everything.
	Scope func(*http.Request) *query.LogScope

	// Sizes may be shared by APIs of different askers. Default: its own.
	Sizes *Sizes
}

// Task is where DC/OS' clients find the output of a task.
type Task struct {
	ID        string // as in the state of Mesos' master
	Agent     string
	Framework string
	Executor  string
	Container string
}

// Routes returns all routes.
func (a *API) Routes() []web.Route {
	if a.Sizes == nil {
		a.Sizes = new(Sizes)
	}
	return slices.Concat(a.ofPrefix("/system/v1/logs"), a.ofPrefix("/system/v1/agent/{agent}/logs"),
		a.leader(), a.discovery(), a.files())
}

// ofPrefix returns the routes of one agent: the one on this machine, or the one in the path.
func (a *API) ofPrefix(prefix string) []web.Route {
	const container = "/framework/{framework}/executor/{executor}/container/{container}"
	const run = "/v2/task/frameworks/{framework}/executors/{executor}/runs/{container}"
	routes := make([]web.Route, 0, 16) // they are made anew for each request of somebody who sees a part
	add := func(path string, stream bool, h web.Handler) {
		routes = append(routes, web.Route{Method: "GET", Path: prefix + path, Stream: stream, Handle: h})
	}
	for _, of := range []string{"", container} {
		add("/v1/range"+of, true, a.v1Range)
		add("/v1/stream"+of, true, a.v1Stream)
		add("/v1/range"+of+"/download", true, a.v1Download)
	}
	add("/v1/fields/{field}", false, a.fieldValues)
	add("/v2/component", true, a.component)
	add("/v2/component/{unit}", true, a.component)
	for _, of := range []string{run, run + "/tasks/{task}"} {
		add(of+"/{file}", true, a.taskFile)
		add(of+"/{file}/download", true, a.taskDownload)
		add(of+"/files/browse", false, a.taskBrowse)
	}
	return routes
}

// leader returns the logs of the machine that the cluster's leader runs on, which is
// this one.
func (a *API) leader() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/system/v1/leader/{leader}/logs/v2/component", Stream: true, Handle: a.component},
		{Method: "GET", Path: "/system/v1/leader/{leader}/logs/v2/component/{unit}", Stream: true, Handle: a.component},
	}
}

// agent returns the agent that a path names, else the one on this machine.
func (a *API) agent(r *http.Request) (string, error) {
	id := r.PathValue("agent")
	switch {
	case id == "" && a.Agent == "":
		return "", web.NotFound("no agent runs on this machine: use /system/v1/agent/<id>/logs/")
	case id == "":
		return a.Agent, nil
	case !a.Known(id):
		return "", query.ErrUnknownAgent
	}
	return id, nil
}

func (a *API) scope(r *http.Request) *query.LogScope {
	if a.Scope == nil {
		return nil
	}
	return a.Scope(r)
}
