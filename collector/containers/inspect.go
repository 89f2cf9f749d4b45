package containers

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
)

// inspected holds the fields of GET /containers/{id}/json that are used.
type inspected struct {
	ID    string `json:"Id"`
	Name  string
	Image string
	inspectedLog
	State struct {
		Pid       int
		StartedAt string // RFC 3339; year 1 if it was never started
	}
	Config struct {
		Image  string
		Labels map[string]string
		Env    []string
	}
}

// inspect asks for one container. It returns nil without an error if the container does
// not exist.
func (e *engine) inspect(ctx context.Context, runtime, id string) (*record, error) {
	if !isID(id) {
		return nil, nil
	}
	var c inspected
	err := e.getJSON(ctx, "/containers/"+id+"/json", func(d *json.Decoder) error { return d.Decode(&c) })
	switch {
	case errors.Is(err, errNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case c.ID != id:
		return nil, errUnusable
	}
	rec := c.record(runtime)
	rec.logUser = userOf(e.Socket)
	if rec.pid > 0 {
		rec.paths = e.r.proc.containerPaths(rec.pid, id)
	}
	return rec, nil
}

var errUnusable = errors.New("the answer is not about that container")

// take stores one fetched record. It returns an error if the connection is lost.
func (e *engine) take(ctx context.Context, f *fetcher[string], got fetched[string]) error {
	if answered := f.done(ctx, got); got.err != nil {
		if answered && connectionLost(got.err) {
			return got.err
		}
		e.r.log.Debug("a container's details cannot be read", "runtime", e.kind, "container_id", got.key, "err", got.err)
		return nil
	}
	switch {
	case got.rec != nil:
		e.mine[got.key] = true
		e.r.put(rankEngine, got.rec)
	case e.mine[got.key]:
		delete(e.mine, got.key)
		e.r.drop(rankEngine, got.key)
	}
	e.count()
	return nil
}

func connectionLost(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func (e *engine) count() { e.set(func(st *RuntimeStatus) { st.Containers = len(e.mine) }) }

func (c *inspected) record(runtime string) *record {
	rec := &record{id: c.ID, runtime: runtime, name: strings.TrimPrefix(c.Name, "/"), image: c.Config.Image,
		imageID: c.Image,
		logPath: c.logPath(c.ID),
		pid:     max(c.State.Pid, 0), labels: boundLabels(c.Config.Labels), env: pickEnv(c.Config.Env)}
	if rec.env == nil {
		rec.env = map[string]string{}
	}
	rec.started = unixNano(c.State.StartedAt)
	rec.sandboxOnly = rec.labels["io.kubernetes.docker.type"] == "podsandbox"
	return rec
}

// boundLabels removes the labels that no row shows, to save memory.
func boundLabels(labels map[string]string) map[string]string {
	m := make(map[string]string, min(len(labels), 4*maxLabels))
	for k, v := range labels {
		if len(k) <= maxLabelKey && len(m) < 4*maxLabels {
			m[strings.Clone(k)] = strings.Clone(v[:min(len(v), maxLabelValue)])
		}
	}
	return m
}
