package dcos

import (
	"net/http"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
)

// agent returns the agent that a request names in its path, else the one on this machine.
func (s *API) agent(r *http.Request) (query.Agent, error) {
	agents := s.Fleet.Agents()
	if len(agents) == 0 {
		return query.Agent{}, &web.Error{Status: http.StatusServiceUnavailable,
			Message: "no agent has sent a tick yet: is a collector running and connected?"}
	}
	id := r.PathValue("agent")
	if id == "" {
		if id = s.Agent; id == "" {
			return query.Agent{}, web.NotFound("no agent runs on this machine: use /system/v1/agent/<id>/metrics/v0/")
		}
	}
	for _, a := range agents {
		if a.ID == id {
			return a, nil
		}
	}
	return query.Agent{}, query.ErrUnknownAgent
}

func (s *API) ping(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.agent(r); err != nil {
		return err
	}
	return web.WriteJSON(w, r, struct {
		OK        bool   `json:"ok"`
		Timestamp string `json:"timestamp"`
	}{true, s.Now().UTC().Format(time.RFC3339)})
}

// node answers with the metrics of a node.
func (s *API) node(w http.ResponseWriter, r *http.Request) error {
	a, err := s.agent(r)
	if err != nil {
		return err
	}
	m := v1.Metrics{Dimensions: v1.Dimensions{MesosID: a.ID, ClusterID: s.Cluster, Hostname: a.Hostname}}
	if err := s.Fleet.View(a.ID, func(b *frame.Batch) { m.Datapoints = nodeDatapoints(b) }); err != nil {
		return err
	}
	return writeDatapoints(w, r, &m)
}

// containers answers with the ids of an agent's containers.
func (s *API) containers(w http.ResponseWriter, r *http.Request) error {
	a, err := s.agent(r)
	if err != nil {
		return err
	}
	var ids []string
	seen := map[string]bool{}
	err = s.Fleet.View(a.ID, func(b *frame.Batch) {
		t := b.Table(metric.Container)
		if t == nil {
			return
		}
		for _, row := range t.Rows {
			if id := row.Label("container_id"); id != "" && !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	})
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		noContent(w)
		return nil
	}
	return web.WriteJSON(w, r, ids)
}

// container answers with the metrics of a container.
func (s *API) container(w http.ResponseWriter, r *http.Request) error {
	m, err := s.containerMetrics(r, containerDatapoints)
	if err != nil {
		return err
	}
	return writeDatapoints(w, r, m)
}

// containerMetrics returns the document of the container that a request asks for,
// with the datapoints that get returns for its row.
func (s *API) containerMetrics(
	r *http.Request, get func(b *frame.Batch, r *frame.Row, row []int64) []v1.Datapoint,
) (*v1.Metrics, error) {
	a, err := s.agent(r)
	if err != nil {
		return nil, err
	}
	var m *v1.Metrics
	err = s.Fleet.View(a.ID, func(b *frame.Batch) {
		t := b.Table(metric.Container)
		if t == nil {
			return
		}
		if i := query.FindContainer(t, r.PathValue("id")); i >= 0 {
			m = &v1.Metrics{
				Dimensions: s.containerDimensions(a, t.Rows[i]),
				Datapoints: get(b, t.Rows[i], t.Row(i)),
			}
		}
	})
	if err == nil && m == nil {
		err = web.NotFound("unknown container: GET …/containers lists the containers of this agent")
	}
	return m, err
}

func (s *API) containerDimensions(a query.Agent, row *frame.Row) v1.Dimensions {
	d := v1.Dimensions{
		MesosID: a.ID, ClusterID: s.Cluster, Hostname: a.Hostname,
		ContainerID: row.Label("container_id"), ExecutorID: row.Label("executor_id"),
		FrameworkID: row.Label("framework_id"), FrameworkName: row.Label("framework_name"),
		TaskID: row.Label("task_id"), TaskName: row.Label("task_name"),
	}
	if d.TaskName == "" {
		d.TaskName = row.Label("name")
	}
	for _, l := range row.Labels {
		if key, ok := strings.CutPrefix(l.Name, metric.RuntimeLabel); ok {
			if d.Labels == nil {
				d.Labels = map[string]string{}
			}
			d.Labels[key] = l.Value
		}
	}
	return d
}

// writeDatapoints answers with m, or 204 without content if it has no datapoints.
func writeDatapoints(w http.ResponseWriter, r *http.Request, m *v1.Metrics) error {
	if len(m.Datapoints) == 0 {
		noContent(w)
		return nil
	}
	return web.WriteJSON(w, r, m)
}

func noContent(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
