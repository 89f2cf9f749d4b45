package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/v1"
)

// dcosRoutes are DC/OS' metrics API v0, for this node and for any agent.
var dcosRoutes = func() []route {
	var all []route
	for _, prefix := range []string{"/system/v1/metrics/v0", "/system/v1/agent/{agent}/metrics/v0"} {
		all = append(all,
			route{"GET", prefix + "/ping", false, (*server).dcosPing},
			route{"GET", prefix + "/node", false, (*server).dcosNode},
			route{"GET", prefix + "/containers", false, (*server).dcosContainers},
			route{"GET", prefix + "/containers/{id}", false, (*server).dcosContainer},
			route{"GET", prefix + "/containers/{id}/app", false, (*server).dcosApp},
			route{"GET", prefix + "/containers/{id}/app/{metric}", false, (*server).dcosApp},
		)
	}
	return all
}()

// dcosAgent is the agent that a request is about, once something of the fleet
// is known.
func (s *server) dcosAgent(r *http.Request) (query.Agent, error) {
	agents := s.Fleet.Agents()
	if len(agents) == 0 {
		return query.Agent{}, errNoFleet
	}
	id := r.PathValue("agent")
	if id == "" {
		if id = s.Agent; id == "" {
			return query.Agent{}, notFound("no agent runs on this machine: ask /system/v1/agent/<id>/metrics/v0/")
		}
	}
	for _, a := range agents {
		if a.ID == id {
			return a, nil
		}
	}
	return query.Agent{}, query.ErrUnknownAgent
}

func (s *server) dcosPing(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.dcosAgent(r); err != nil {
		return err
	}
	return writeJSON(w, r, struct {
		OK        bool   `json:"ok"`
		Timestamp string `json:"timestamp"`
	}{true, s.now().UTC().Format(time.RFC3339)})
}

// dcosNode answers with the metrics of a node.
func (s *server) dcosNode(w http.ResponseWriter, r *http.Request) error {
	a, err := s.dcosAgent(r)
	if err != nil {
		return err
	}
	m := v1.Metrics{Dimensions: v1.Dimensions{MesosID: a.ID, ClusterID: s.Cluster, Hostname: a.Hostname}}
	if err := s.Fleet.View(a.ID, func(b *frame.Batch) { m.Datapoints = nodeDatapoints(b) }); err != nil {
		return err
	}
	return writeDatapoints(w, r, &m)
}

// dcosContainers answers with the ids of an agent's containers.
func (s *server) dcosContainers(w http.ResponseWriter, r *http.Request) error {
	a, err := s.dcosAgent(r)
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
	return writeJSON(w, r, ids)
}

// dcosContainer answers with the metrics of a container.
func (s *server) dcosContainer(w http.ResponseWriter, r *http.Request) error {
	m, err := s.containerMetrics(r, containerDatapoints)
	if err != nil {
		return err
	}
	return writeDatapoints(w, r, m)
}

// containerMetrics is what get makes of a container's row.
func (s *server) containerMetrics(r *http.Request, get func(b *frame.Batch, r *frame.Row, row []int64) []v1.Datapoint) (*v1.Metrics, error) {
	a, err := s.dcosAgent(r)
	if err != nil {
		return nil, err
	}
	var m *v1.Metrics
	err = s.Fleet.View(a.ID, func(b *frame.Batch) {
		t := b.Table(metric.Container)
		if t == nil {
			return
		}
		if i := findContainer(t, r.PathValue("id")); i >= 0 {
			m = &v1.Metrics{
				Dimensions: s.containerDimensions(a, t.Rows[i]),
				Datapoints: get(b, t.Rows[i], t.Row(i)),
			}
		}
	})
	if err == nil && m == nil {
		err = notFound("unknown container: GET …/containers lists those of this agent")
	}
	return m, err
}

// findContainer finds the row of a container id, or of the last part of a
// nested one ("parent.child"), which is all that clients know of it. Of several
// cgroups of a container the topmost is meant. It returns -1 if there is none.
func findContainer(t *frame.Table, id string) int {
	found := -1
	exact := false
	for i, row := range t.Rows {
		have := row.Label("container_id")
		same := have == id
		if !same && (exact || !strings.HasSuffix(have, "."+id)) || id == "" {
			continue
		}
		if found < 0 || same && !exact || len(row.Key) < len(t.Rows[found].Key) {
			found, exact = i, same
		}
	}
	return found
}

func (s *server) containerDimensions(a query.Agent, row *frame.Row) v1.Dimensions {
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
		if key, ok := strings.CutPrefix(l.Name, runtimeLabel); ok {
			if d.Labels == nil {
				d.Labels = map[string]string{}
			}
			d.Labels[key] = l.Value
		}
	}
	return d
}

// writeDatapoints answers with datapoints, or 204 if there are none.
func writeDatapoints(w http.ResponseWriter, r *http.Request, m *v1.Metrics) error {
	if len(m.Datapoints) == 0 {
		noContent(w)
		return nil
	}
	return writeJSON(w, r, m)
}

func noContent(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
