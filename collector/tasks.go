package collector

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/containers"
	"github.com/daytwo/daytwo/collector/statsd"
	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// tasks knits what StatsD knows of containers and what the cgroups say together.
type tasks struct {
	server *statsd.Server // nil where there is none
	names  func(path string) *containers.Identity
	forget func(path string)

	gen      uint64 // of server, that the maps below are of
	byID     map[string]*launch.Container
	byCgroup map[string]*launch.Container
	merged   map[string]*mergedIdentity // by cgroup

	rows   uint64 // generation of the Container rows that the maps below are of
	list   []origin.Container
	rowOf  map[string]uint64 // by container id
	pathOf map[string]uint64 // by cgroup
	find   func(info origin.Info) uint64
}

// mergedIdentity is what a runtime and a launcher say of one cgroup together.
type mergedIdentity struct {
	runtime *containers.Identity
	by      *launch.Container
	is      *containers.Identity
}

func newTasks(server *statsd.Server, names *containers.Resolver) *tasks {
	t := &tasks{server: server, names: names.Resolve, forget: names.Forget}
	t.find = t.parent
	return t
}

// update looks which containers launchers made known, and returns a number that
// changes when that has.
func (t *tasks) update() uint64 {
	if t.server == nil {
		return 0
	}
	if gen := t.server.Gen(); gen != t.gen {
		t.gen = gen
		was := t.byID
		t.byID, t.byCgroup = map[string]*launch.Container{}, map[string]*launch.Container{}
		for _, c := range t.server.Launched() {
			p := was[c.ContainerID]
			if p == nil || p.Cgroup != c.Cgroup || p.Name != c.Name || !maps.Equal(p.Labels, c.Labels) {
				p = &c
			}
			t.byID[c.ContainerID] = p
			if c.Cgroup != "" {
				t.byCgroup[c.Cgroup] = p
			}
		}
	}
	return t.gen
}

// resolve is containers.Resolver.Resolve with what launchers say besides.
func (t *tasks) resolve(path string) *containers.Identity {
	id := t.names(path)
	c := t.byCgroup[path]
	if c == nil && id != nil && id.ContainerID != "" {
		c = t.byID[id.ContainerID]
	}
	if c == nil {
		return id
	}
	m := t.merged[path]
	if m == nil || m.runtime != id || m.by != c {
		m = &mergedIdentity{id, c, merge(id, c)}
		if t.merged == nil {
			t.merged = map[string]*mergedIdentity{}
		}
		t.merged[path] = m
	}
	return m.is
}

func (t *tasks) forgetGroup(path string) {
	t.forget(path)
	delete(t.merged, path)
}

// merge adds to an identity what it has not: a runtime knows best.
func merge(id *containers.Identity, c *launch.Container) *containers.Identity {
	out := containers.Identity{ContainerID: c.ContainerID, Name: c.Name, Runtime: "daytwo"}
	if id != nil && id.ContainerID != "" {
		out = *id
	}
	var labels []frame.Label
	if id != nil {
		labels = slices.Clone(id.Labels)
	}
	for _, l := range append(statsd.Labels(out.ContainerID, c.Name, c.Labels), frame.Label{Name: "runtime", Value: out.Runtime}) {
		if !slices.ContainsFunc(labels, func(have frame.Label) bool { return have.Name == l.Name }) {
			labels = append(labels, l)
		}
	}
	slices.SortFunc(labels, func(a, b frame.Label) int { return strings.Compare(a.Name, b.Name) })
	out.Labels = labels
	return &out
}

// tables are those of a tick. The rows of containers are up to date.
func (t *tasks) tables(at time.Time, g *groupRows) (app, ledger frame.Table) {
	if t.rows != g.gen || t.rowOf == nil {
		t.rows = g.gen
		t.look(g)
	}
	return t.server.Tick(at, t.find)
}

// look finds the rows of containers, and tells the server which there are.
func (t *tasks) look(g *groupRows) {
	t.rowOf, t.pathOf = map[string]uint64{}, map[string]uint64{}
	t.list = t.list[:0]
	at := map[string]int{}
	for i, n := range g.named {
		t.pathOf[n.group.Path] = g.rows[i].ID
		id := n.identity
		if id == nil || id.ContainerID == "" {
			continue
		}
		if k, ok := at[id.ContainerID]; ok { // one more cgroup of it
			t.list[k].Cgroups = append(t.list[k].Cgroups, n.group.Path)
			continue
		}
		at[id.ContainerID] = len(t.list)
		t.rowOf[id.ContainerID] = g.rows[i].ID
		t.list = append(t.list, origin.Container{
			ID: id.ContainerID, Cgroups: []string{n.group.Path}, PodUID: g.rows[i].Label("pod_uid"), Name: g.rows[i].Label("container"), PID: id.PID,
		})
	}
	t.server.Containers(t.list)
}

// parent is the Container row of a sender, 0 if there is none.
func (t *tasks) parent(info origin.Info) uint64 {
	if row := t.rowOf[info.ContainerID]; row != 0 && info.ContainerID != "" {
		return row
	}
	return t.pathOf[info.Cgroup]
}

// run serves until ctx ends.
func (t *tasks) run(ctx context.Context) error {
	if t.server == nil {
		<-ctx.Done()
		return nil
	}
	if err := t.server.Run(ctx); err != nil {
		return fmt.Errorf("statsd: %w", err)
	}
	return nil
}
