package dcos

import (
	"cmp"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/dcos/logs"
	"github.com/daytwo/daytwo/api/server/logstream"
)

// logTasks returns where the output of the tasks is that run on an agent, "" for all.
func (s *API) logTasks(agent string) []logs.Task {
	var list []logs.Task
	for _, f := range s.frameworks(s.Fleet.Agents()) {
		for _, t := range f.Tasks {
			if agent == "" || t.SlaveID == agent {
				list = append(list, t.logTask())
			}
		}
	}
	return list
}

// logTask returns where the output of a task is.
func (t *task) logTask() logs.Task {
	return logs.Task{ID: t.ID, Agent: t.SlaveID, Framework: t.FrameworkID, Executor: cmp.Or(t.ExecutorID, t.ID),
		Container: t.container()}
}

// container returns the id of a task's container.
func (t *task) container() string { return t.Statuses[0].ContainerStatus.ContainerID.Value }

// findTask returns the task that runs under an id, else one that did.
func (s *API) findTask(id string) (logs.Task, bool) {
	for _, t := range s.logTasks("") {
		if t.ID == id {
			return t, true
		}
	}
	if t, ok := s.completedTask(id); ok {
		return t.logTask(), true
	}
	return logs.Task{}, false
}

// runningContainer returns the task of a container that runs on an agent.
func (s *API) runningContainer(agent, container string) (logs.Task, bool) {
	for _, t := range s.logTasks(agent) {
		if t.Container == container {
			return t, true
		}
	}
	return logs.Task{}, false
}

// knownAgent reports whether there is an agent of an id.
func (s *API) knownAgent(id string) bool {
	for _, a := range s.Fleet.Agents() {
		if a.ID == id {
			return true
		}
	}
	return false
}

// newLogs returns the log routes.
func (s *API) newLogs() *logs.API {
	l := s.Logs
	if l == nil {
		l = query.NoLogs{}
	}
	streams := s.Streams
	if streams == nil {
		streams = logstream.New(logstream.Options{Now: s.Now})
	}
	return &logs.API{Logs: l, Streams: streams, Sizes: s.Sizes, Agent: s.Agent, Known: s.knownAgent, Task: s.findTask,
		Tasks:   s.logTasks,
		Running: s.runningContainer, Scope: s.LogScope}
}
