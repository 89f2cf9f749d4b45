package logs

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

// find returns the task of an id: one that runs, else one that has ended and has entries
// left, else the only one that runs and has it as a part of its id, as in the original.
func (a *API) find(r *http.Request, id string) (Task, error) {
	if t, ok := a.Task(id); ok {
		return t, nil
	}
	// Ids of tasks whose name is not in them begin with the name here, since DC/OS' clients
	// look up tasks by their ids only.
	selectors := []string{id}
	if _, rest, _ := strings.Cut(id, "."); rest != "" {
		selectors = append(selectors, rest)
	}
	for _, s := range selectors {
		var several *query.AmbiguousError // a whole name is not
		if t, err := a.ended(r, id, s); !errors.Is(err, query.ErrNoSuchSource) && !errors.As(err, &several) {
			return t, err
		}
	}
	var found []Task
	var ids []string
	for _, t := range a.Tasks("") {
		if strings.Contains(t.ID, id) {
			found, ids = append(found, t), append(ids, t.ID)
		}
	}
	switch len(found) {
	case 0:
	case 1:
		return found[0], nil
	default:
		return Task{}, &query.AmbiguousError{Selector: id, Candidates: ids[:min(len(ids), 20)]}
	}
	return Task{}, web.NotFound("no task %q runs, and no entry of one that has ended is left", id)
}

// ended finds the task of the newest entry of an id or a name.
func (a *API) ended(r *http.Request, id, selector string) (Task, error) {
	q := &query.LogQuery{Tasks: []string{selector}, Tail: true, Limit: 1, Scope: a.scope(r)}
	from, err := a.Logs.Entries(r.Context(), q)
	if err != nil {
		return Task{}, err
	}
	defer from.Close()
	for {
		rec, err := from.Next(r.Context())
		switch {
		case err == io.EOF:
			return Task{}, query.ErrNoSuchSource
		case err != nil:
			return Task{}, err
		case rec.Entry == nil:
			continue
		}
		o := &rec.Entry.Origin
		t := Task{ID: id, Agent: o.Tag("agent_id"), Container: o.Tag("container_id"),
			Framework: cmp.Or(o.Tag("framework_id"), "containers"), Executor: cmp.Or(o.Tag("executor_id"), id)}
		whole := selector == o.Tag("task_id") || selector == o.Tag("task_name") || selector == t.Container
		if t.Container == "" || t.Agent == "" || !whole {
			return Task{}, query.ErrNoSuchSource
		}
		return t, nil
	}
}
