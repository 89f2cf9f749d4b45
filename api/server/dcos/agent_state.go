package dcos

import (
	"net/http"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

// agentFramework is a framework in the state of an agent.
type agentFramework struct {
	ID                 string     `json:"id"`
	Name               string     `json:"name"`
	Executors          []executor `json:"executors"`
	CompletedExecutors []executor `json:"completed_executors"`
}

// executor is an executor in the state of an agent: each task has one of its own.
type executor struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	Source         string `json:"source"`
	Container      string `json:"container"`
	Directory      string `json:"directory"` // of the task's files, for the files API
	Tasks          []task `json:"tasks"`
	QueuedTasks    []task `json:"queued_tasks"`
	CompletedTasks []task `json:"completed_tasks"`
}

// agentState answers with the state of one agent, as a Mesos agent does.
func (s *API) agentState(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("agent")
	var found *query.Agent
	for _, a := range s.Fleet.Agents() {
		if a.ID == id {
			found = &a
		}
	}
	if found == nil {
		return query.ErrUnknownAgent
	}
	agents := []query.Agent{*found}
	frameworks := s.frameworks(agents)
	completed := s.completed(agents, frameworks)
	return web.WriteJSON(w, r, map[string]any{
		"id": id, "hostname": agentHost(*found), "version": release,
		"frameworks": onAgent(frameworks), "completed_frameworks": onAgent(completed),
	})
}

// onAgent returns frameworks as the state of an agent has them.
func onAgent(frameworks []framework) []agentFramework {
	list := []agentFramework{}
	for _, f := range frameworks {
		af := agentFramework{ID: f.ID, Name: f.Name, Executors: []executor{}, CompletedExecutors: []executor{}}
		for i := range f.Tasks {
			e := newExecutor(&f.Tasks[i])
			e.Tasks = f.Tasks[i : i+1]
			af.Executors = append(af.Executors, e)
		}
		for i := range f.CompletedTasks {
			e := newExecutor(&f.CompletedTasks[i])
			e.CompletedTasks = f.CompletedTasks[i : i+1]
			af.CompletedExecutors = append(af.CompletedExecutors, e)
		}
		list = append(list, af)
	}
	return list
}

// newExecutor returns the executor of a task, without it.
func newExecutor(t *task) executor {
	lt := t.logTask()
	return executor{ID: lt.Executor, Name: t.Name, Source: lt.Executor, Container: lt.Container,
		Directory: lt.Directory(), Tasks: []task{}, QueuedTasks: []task{}, CompletedTasks: []task{}}
}

// uiConfig answers with the settings of DC/OS' web page, of which one of its clients
// reads where logs are.
func (s *API) uiConfig(w http.ResponseWriter, r *http.Request) error {
	mesos := map[string]string{"logging-strategy": "logrotate"}
	if s.Logs != nil {
		mesos["logging-strategy"] = "journald"
	}
	return web.WriteJSON(w, r, map[string]any{
		"uiConfiguration": map[string]any{"plugins": map[string]any{"mesos": mesos}},
	})
}
