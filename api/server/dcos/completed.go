package dcos

import (
	"slices"

	"github.com/daytwo/daytwo/api/query"
)

// completed adds to frameworks the tasks of agents that ended, newest first, and returns the
// frameworks of which no task runs any more. The id of a task that another one has, too, gets
// that of its container added.
func (s *API) completed(agents []query.Agent, frameworks []framework) []framework {
	if s.Ended == nil {
		return []framework{}
	}
	ids, containers := map[string]bool{}, map[[2]string]bool{}
	active := map[string]*framework{}
	for i := range frameworks {
		f := &frameworks[i]
		active[f.ID] = f
		for _, t := range f.Tasks {
			ids[t.ID], containers[[2]string{t.SlaveID, t.container()}] = true, true
		}
	}
	others := map[string]*framework{}
	added := 0
	for _, c := range s.Ended.list() {
		if added == endedInAll {
			break
		}
		t := newTask(c.agent, c.last, gone, c.row)
		if containers[[2]string{c.agent, t.container()}] || s.Sees != nil && !s.Sees(c.agent, c.row) ||
			!slices.ContainsFunc(agents, func(a query.Agent) bool { return a.ID == c.agent }) {
			continue
		}
		if ids[t.ID] {
			t.ID += "." + t.container()
		}
		ids[t.ID] = true
		f := active[t.FrameworkID]
		if f == nil {
			f = others[t.FrameworkID]
		}
		if f == nil {
			f = newFramework(t.FrameworkID, c.row)
			f.Active = false
			others[f.ID] = f
		}
		f.CompletedTasks = append(f.CompletedTasks, t)
		added++
	}
	return sortedFrameworks(others)
}

// completedTask returns the task that ended and is shown under an id.
func (s *API) completedTask(id string) (t task, ok bool) {
	agents := s.Fleet.Agents()
	frameworks := s.frameworks(agents)
	for _, f := range slices.Concat(s.completed(agents, frameworks), frameworks) {
		for _, t := range f.CompletedTasks {
			if t.ID == id {
				return t, true
			}
		}
	}
	return task{}, false
}
