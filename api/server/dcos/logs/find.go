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
// left.
func (a *API) find(r *http.Request, id string) (Task, error) {
	if t, ok := a.Task(id); ok {
		return t, nil
	}
	// Ids of tasks whose name is not in them begin with the name here, since DC/OS' clients
	// look up tasks by their ids only.
	selectors := []string{id}
	if _, rest, ok := strings.Cut(id, "."); ok {
		selectors = append(selectors, rest)
	}
	for _, s := range selectors {
		if t, err := a.ended(r, id, s); !errors.Is(err, query.ErrNoSuchSource) {
			return t, err
		}
	}
	return Task{}, web.NotFound("no task %q runs, and no entry of one that has ended is left", id)
}

// ended finds the task of the newest entry that a selector matches.
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
		if t.Container == "" || t.Agent == "" {
			return Task{}, query.ErrNoSuchSource
		}
		return t, nil
	}
}
