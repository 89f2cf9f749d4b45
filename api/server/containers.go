package server

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
)

// containers answers GET /api/v1/containers.
func (s *server) containers(w http.ResponseWriter, r *http.Request) error {
	q, err := params(r, "agent", "match", "all")
	if err != nil {
		return err
	}
	all, err := boolParam(q, "all")
	if err != nil {
		return err
	}
	match, err := parseMatch(q.Get("match"))
	if err != nil {
		return err
	}
	agents, err := s.agentsOf(q.Get("agent"))
	if err != nil {
		return err
	}
	list := []v1.Container{}
	for _, a := range agents {
		if list, err = s.appendContainers(r.Context(), list, a, match, all); err != nil {
			return err
		}
	}
	return web.WriteJSON(w, r, v1.Containers{Containers: list})
}

// agentsOf returns the agent with an id, or all agents for "".
func (s *server) agentsOf(id string) ([]query.Agent, error) {
	agents := s.Fleet.Agents()
	if id == "" {
		return agents, nil
	}
	for _, a := range agents {
		if a.ID == id {
			return []query.Agent{a}, nil
		}
	}
	return nil, query.ErrUnknownAgent
}

// appendContainers appends the matching containers of an agent, sorted by cgroup;
// with all the other cgroups too.
func (s *server) appendContainers(
	ctx context.Context, list []v1.Container, a query.Agent, match query.Match, all bool,
) ([]v1.Container, error) {
	used, err := query.LastRates(ctx, s.History, a, metric.Container, metric.CPUUsage)
	if err != nil {
		return nil, err
	}
	first := len(list)
	err = s.Fleet.View(a.ID, func(b *frame.Batch) {
		t := b.Table(metric.Container)
		if t == nil {
			return
		}
		index := map[uint64]int{}
		for i, row := range t.Rows {
			if !all && row.Label("container_id") == "" || match != nil && !match(a.ID, row, nil) {
				continue
			}
			c := container(b, row, t.Row(i))
			if rate, ok := used[row.ID]; ok {
				cores := rate / 1e9 // CPU nanoseconds a second
				c.CPUUsed = &cores
			}
			index[row.ID] = len(list)
			list = append(list, c)
		}
		sumDevices(b, list, index)
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list[first:], func(x, y v1.Container) int { return cmp.Compare(x.Cgroup, y.Cgroup) })
	return list, nil
}

// container returns the document of a row of kind Container, without its devices.
func container(b *frame.Batch, r *frame.Row, row []int64) v1.Container {
	c := v1.Container{
		AgentID: b.Agent, Time: time.Unix(0, b.Time).UTC(), Cgroup: r.Key,
		Created:          intValue(row, metric.Created),
		CPUUsage:         floatValue(metric.Container, row, metric.CPUUsage),
		CPUUser:          floatValue(metric.Container, row, metric.CPUUser),
		CPUSystem:        floatValue(metric.Container, row, metric.CPUSystem),
		CPUThrottled:     floatValue(metric.Container, row, metric.CPUThrottledTime),
		MemoryCurrent:    intValue(row, metric.MemCurrent),
		MemoryWorkingSet: intValue([]int64{metric.WorkingSet(row)}, 0),
		MemoryAnon:       intValue(row, metric.StatAnon),
		MemoryFile:       intValue(row, metric.StatFile),
		MemorySwap:       intValue(row, metric.MemSwap),
		MemoryLimit:      intValue(row, metric.MemMax),
		OOMKills:         intValue(row, metric.MemEventOomKill),
		Pids:             intValue(row, metric.PidsCurrent),
		Processes:        intValue(row, metric.Processes),
	}
	if cores, ok := metric.CPULimit(row); ok {
		c.CPULimit = &cores
	}
	for _, l := range r.Labels {
		if p := labelField(&c, l.Name); p != nil {
			*p = l.Value
		} else if key, ok := strings.CutPrefix(l.Name, metric.RuntimeLabel); ok {
			if c.Labels == nil {
				c.Labels = map[string]string{}
			}
			c.Labels[key] = l.Value
		}
	}
	return c
}

// labelField returns the field of c for a label, nil if it has none of its own.
func labelField(c *v1.Container, name string) *string {
	switch name {
	case "container_id":
		return &c.ContainerID
	case "name":
		return &c.Name
	case "image":
		return &c.Image
	case "runtime":
		return &c.Runtime
	case "executor_id":
		return &c.ExecutorID
	case "framework_id":
		return &c.FrameworkID
	case "framework_name":
		return &c.FrameworkName
	case "application_name":
		return &c.ApplicationName
	case "task_id":
		return &c.TaskID
	case "task_name":
		return &c.TaskName
	case "namespace":
		return &c.Namespace
	case "pod":
		return &c.Pod
	case "pod_uid":
		return &c.PodUID
	case "container":
		return &c.PodContainer
	case "unit":
		return &c.Unit
	case "slice":
		return &c.Slice
	}
	return nil
}

// sumDevices adds the values of device rows to their containers. index holds the
// positions in list by the IDs of the containers' rows.
func sumDevices(b *frame.Batch, list []v1.Container, index map[uint64]int) {
	add := func(to **int64, v int64) {
		switch {
		case v == metric.Absent:
		case *to == nil:
			*to = &v
		default:
			**to += v
		}
	}
	if t := b.Table(metric.ContainerIO); t != nil {
		for i, r := range t.Rows {
			if j, ok := index[r.Parent]; ok {
				add(&list[j].IORead, t.Row(i)[metric.IOReadBytes])
				add(&list[j].IOWritten, t.Row(i)[metric.IOWriteBytes])
			}
		}
	}
	if t := b.Table(metric.ContainerNet); t != nil {
		for i, r := range t.Rows {
			if j, ok := index[r.Parent]; ok && r.Label("interface") != "lo" {
				add(&list[j].NetReceived, t.Row(i)[metric.NetRxBytes])
				add(&list[j].NetSent, t.Row(i)[metric.NetTxBytes])
			}
		}
	}
}
