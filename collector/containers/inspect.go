package containers

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
)

// inspected is what we read of GET /containers/{id}/json.
type inspected struct {
	ID     string `json:"Id"`
	Name   string
	Image  string
	State  struct{ Pid int }
	Config struct {
		Image  string
		Labels map[string]string
		Env    []string
	}
}

func (e *engine) refresh(ctx context.Context, runtime, id string) error {
	if !isID(id) {
		return nil
	}
	var c inspected
	err := e.getJSON(ctx, "/containers/"+id+"/json", &c)
	switch {
	case errors.Is(err, errNotFound):
		if e.mine[id] {
			delete(e.mine, id)
			e.r.drop(rankEngine, id)
			e.count()
		}
		return nil
	case err != nil && ctx.Err() == nil && !connectionLost(err): // one that hangs or is broken is not to keep the others from us
		e.r.log.Debug("a container's details cannot be read", "runtime", runtime, "container", id, "error", err)
		return nil
	case err != nil:
		return err
	case c.ID != id:
		return nil
	}
	rec := c.record(runtime)
	if rec.pid > 0 {
		rec.paths = e.r.proc.containerPaths(rec.pid, id)
	}
	e.mine[id] = true
	e.count()
	e.r.put(rankEngine, rec)
	return nil
}

func connectionLost(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func (e *engine) count() { e.set(func(st *RuntimeStatus) { st.Containers = len(e.mine) }) }

func (c *inspected) record(runtime string) *record {
	rec := &record{id: c.ID, runtime: runtime, name: strings.TrimPrefix(c.Name, "/"), image: c.Config.Image, imageID: c.Image,
		pid: max(c.State.Pid, 0), labels: boundLabels(c.Config.Labels), env: pickEnv(c.Config.Env)}
	if rec.env == nil {
		rec.env = map[string]string{}
	}
	rec.sandboxOnly = rec.labels["io.kubernetes.docker.type"] == "podsandbox"
	return rec
}

// boundLabels drops what no row could show, so that it is not kept either.
func boundLabels(labels map[string]string) map[string]string {
	m := make(map[string]string, min(len(labels), 4*maxLabels))
	for k, v := range labels {
		if len(k) <= maxLabelKey && len(m) < 4*maxLabels {
			m[strings.Clone(k)] = strings.Clone(v[:min(len(v), maxLabelValue)])
		}
	}
	return m
}
