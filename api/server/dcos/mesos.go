package dcos

import (
	"cmp"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

// release is the DC/OS release whose API is answered.
const release = "2.2"

// slave is an agent in the documents of Mesos' master.
type slave struct {
	ID         string         `json:"id"`
	Hostname   string         `json:"hostname"`
	PID        string         `json:"pid"` // clients split it at "@" and ":"
	Active     bool           `json:"active"`
	Version    string         `json:"version"`
	Registered float64        `json:"registered_time"`
	Attributes map[string]any `json:"attributes"`
	Running    int            `json:"TASK_RUNNING"`
}

// framework is what started tasks: a Mesos framework, or a container runtime.
type framework struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	User           string `json:"user"`
	Active         bool   `json:"active"`
	Tasks          []task `json:"tasks"`
	CompletedTasks []task `json:"completed_tasks"`
}

// task is a container in the documents of Mesos' master.
type task struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	FrameworkID string       `json:"framework_id"`
	ExecutorID  string       `json:"executor_id"`
	SlaveID     string       `json:"slave_id"`
	State       string       `json:"state"`
	Statuses    []taskStatus `json:"statuses"`
}

type taskStatus struct {
	State           string  `json:"state"`
	Timestamp       float64 `json:"timestamp"`
	ContainerStatus struct {
		ContainerID struct {
			Value string `json:"value"`
		} `json:"container_id"`
	} `json:"container_status"`
}

// state answers with the fleet as the state of a Mesos master.
func (s *API) state(w http.ResponseWriter, r *http.Request) error {
	agents := s.Fleet.Agents()
	frameworks := s.frameworks(agents)
	completed := s.completed(agents, frameworks)
	host := localHost(r)
	return web.WriteJSON(w, r, map[string]any{
		"id": "daytwo", "pid": "master@" + net.JoinHostPort(host, "5050"), "hostname": host,
		"version": release, "cluster": s.Cluster,
		"slaves": s.slaves(agents, frameworks), "frameworks": frameworks, "completed_frameworks": completed,
	})
}

// slaveList answers with the agents alone.
func (s *API) slaveList(w http.ResponseWriter, r *http.Request) error {
	agents := s.Fleet.Agents()
	return web.WriteJSON(w, r, map[string]any{"slaves": s.slaves(agents, s.frameworks(agents))})
}

// stateSummary answers like state, without tasks.
func (s *API) stateSummary(w http.ResponseWriter, r *http.Request) error {
	agents := s.Fleet.Agents()
	frameworks := s.frameworks(agents)
	slaves := s.slaves(agents, frameworks)
	summary := []map[string]any{}
	for _, f := range frameworks {
		summary = append(summary, map[string]any{"id": f.ID, "name": f.Name, "active": f.Active,
			"TASK_RUNNING": len(f.Tasks)})
	}
	return web.WriteJSON(w, r, map[string]any{
		"hostname": localHost(r), "cluster": s.Cluster, "slaves": slaves, "frameworks": summary,
	})
}

func (s *API) slaves(agents []query.Agent, frameworks []framework) []slave {
	running := map[string]int{}
	for _, f := range frameworks {
		for _, t := range f.Tasks {
			running[t.SlaveID]++
		}
	}
	list := []slave{}
	for _, a := range agents {
		host := agentHost(a)
		list = append(list, slave{
			ID: a.ID, Hostname: host, PID: "slave(1)@" + net.JoinHostPort(host, "5051"), Version: s.Version,
			Active: !a.Stale, Registered: float64(a.Time) / 1e9, Attributes: map[string]any{}, Running: running[a.ID],
		})
	}
	return list
}

// agentHost returns an agent's hostname, or its id if that is unknown.
func agentHost(a query.Agent) string { return cmp.Or(a.Hostname, a.ID) }

// frameworks groups the containers of agents by what started them.
func (s *API) frameworks(agents []query.Agent) []framework {
	byID := map[string]*framework{}
	ids := map[string]int{}
	for _, a := range agents {
		// An agent whose tick cannot be read is shown without tasks.
		_ = s.Fleet.View(a.ID, func(b *frame.Batch) {
			t := b.Table(metric.Container)
			if t == nil {
				return
			}
			seen := map[string]bool{}
			for _, row := range t.Rows {
				c := row.Label("container_id")
				if c == "" || seen[c] {
					continue
				}
				seen[c] = true
				tk := newTask(a.ID, b.Time, running, row)
				if ids[tk.ID]++; ids[tk.ID] > 1 {
					tk.ID += "." + c // ids must be unique, names need not be
				}
				f := byID[tk.FrameworkID]
				if f == nil {
					f = newFramework(tk.FrameworkID, row)
					byID[f.ID] = f
				}
				f.Tasks = append(f.Tasks, tk)
			}
		})
	}
	return sortedFrameworks(byID)
}

func newFramework(id string, row *frame.Row) *framework {
	return &framework{ID: id, Name: cmp.Or(row.Label("framework_name"), id), User: "root", Active: true,
		Tasks: []task{}, CompletedTasks: []task{}}
}

func sortedFrameworks(byID map[string]*framework) []framework {
	list := []framework{}
	for _, f := range byID {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b framework) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// States of tasks. How a task ended is not known, which this one of Mesos' says.
const (
	running = "TASK_RUNNING"
	gone    = "TASK_GONE"
)

// newTask returns the task of a container, which was in a state at a time.
func newTask(agent string, at int64, state string, row *frame.Row) task {
	c := row.Label("container_id")
	t := task{
		ID:          cmp.Or(row.Label("task_id"), row.Label("name"), c),
		Name:        cmp.Or(row.Label("task_name"), row.Label("name"), c),
		FrameworkID: cmp.Or(row.Label("framework_id"), row.Label("runtime"), "containers"),
		ExecutorID:  row.Label("executor_id"), SlaveID: agent, State: state,
	}
	if !strings.Contains(t.ID, t.Name) {
		t.ID = t.Name + "." + t.ID // clients look up tasks by id only
	}
	status := taskStatus{State: t.State, Timestamp: float64(at) / 1e9}
	status.ContainerStatus.ContainerID.Value = c
	t.Statuses = []taskStatus{status}
	return t
}

// mesosDNS answers for every name with the address of this machine.
func (s *API) mesosDNS(w http.ResponseWriter, r *http.Request) error {
	return web.WriteJSON(w, r, []map[string]string{{"host": r.PathValue("name") + ".", "ip": localHost(r)}})
}

// localHost returns the address at which the client reached this server.
func localHost(r *http.Request) string {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if host, _, err := net.SplitHostPort(a.String()); err == nil {
			return host
		}
	}
	return "127.0.0.1"
}

// netNodes answers with the addresses of agents, as DC/OS' network did.
func (s *API) netNodes(w http.ResponseWriter, r *http.Request) error {
	nodes := []map[string]any{}
	for _, a := range s.Fleet.Agents() {
		nodes = append(nodes, map[string]any{
			"private_ip": agentHost(a), "public_ips": []string{}, "hostname": agentHost(a),
			"updated": time.Unix(0, a.Time).UTC().Format(time.RFC3339),
		})
	}
	return web.WriteJSON(w, r, nodes)
}

// capabilities answers with DC/OS' capabilities. DC/OS' client compares the content type
// literally.
func (s *API) capabilities(w http.ResponseWriter, r *http.Request) error {
	names := []map[string]string{}
	if s.Logs != nil {
		names = append(names, map[string]string{"name": "LOGGING_V2"}, map[string]string{"name": "LOGGING"})
	}
	b, err := json.Marshal(map[string]any{"capabilities": names})
	if err != nil {
		return err
	}
	web.WriteBody(w, r, "application/vnd.dcos.capabilities+json;charset=utf-8;version=v1", b)
	return nil
}

func (s *API) metadata(w http.ResponseWriter, r *http.Request) error {
	return web.WriteJSON(w, r, map[string]string{"CLUSTER_ID": s.Cluster, "PUBLIC_IPV4": localHost(r)})
}

func (s *API) version(w http.ResponseWriter, r *http.Request) error {
	return web.WriteJSON(w, r, map[string]string{"version": release, "dcos-variant": "open"})
}
