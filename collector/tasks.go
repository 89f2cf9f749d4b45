package collector

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/containers"
	"github.com/daytwo/daytwo/collector/statsd"
	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// tasks joins StatsD's containers to cgroup rows.
type tasks struct {
	server *statsd.Server // nil if there is no StatsD server
	launch <-chan error   // receives the error with which the launch API ended that has no StatsD server; may be nil
	names  func(path string) *containers.Identity
	forget func(path string)

	gen      uint64                       // server.Gen() when the maps below were made
	byID     map[string]*launch.Container // launched containers, by container id
	byCgroup map[string]*launch.Container // launched containers, by cgroup path
	merged   map[string]*mergedIdentity   // by cgroup path

	groups *groupRows
	seen   uint64 // groups.containersGen when list was made
	list   []origin.Container
	rows   []uint64         // rows[i] is the ID of the Container row of list[i]
	at     map[string]int32 // index into list, by container id; nil if list is to be made again
	find   func(info origin.Info) uint64
}

// mergedIdentity is the identity of one cgroup that both a runtime and a launcher
// describe.
type mergedIdentity struct {
	runtime *containers.Identity // what the runtime reports; nil if nothing
	by      *launch.Container    // what the launcher reports
	is      *containers.Identity // both together
}

func newTasks(server *statsd.Server, names *containers.Resolver) *tasks {
	t := &tasks{server: server, names: names.Resolve, forget: names.Forget}
	t.find = t.parent
	return t
}

// update reads which containers launchers have registered, and returns a number that
// changes whenever they do.
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

// resolve returns the identity of a cgroup, as containers.Resolver.Resolve does,
// with what its launcher registered added. It returns nil if nothing is known.
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
		m = &mergedIdentity{id, c, id.Launched(c.ContainerID, c.Name, statsd.Labels(c.ContainerID, c.Name, c.Labels))}
		if t.merged == nil {
			t.merged = map[string]*mergedIdentity{}
		}
		t.merged[path] = m
	}
	return m.is
}

// forgetGroup drops what is known of a cgroup that is gone.
func (t *tasks) forgetGroup(path string) {
	t.forget(path)
	delete(t.merged, path)
}

// tables returns the tables of series and of sample counts for one tick. The rows of
// g must be up to date.
func (t *tasks) tables(at time.Time, g *groupRows) (app, ledger frame.Table) {
	if t.groups = g; t.seen != g.containersGen || t.at == nil {
		t.seen = g.containersGen
		t.listContainers()
	}
	return t.server.Tick(at, t.find)
}

// listContainers lists the containers and their rows, and passes the list to the
// server.
func (t *tasks) listContainers() {
	if t.at == nil {
		t.at = map[string]int32{}
	}
	clear(t.at)
	t.list, t.rows = t.list[:0], t.rows[:0]
	paths := make([]string, 0, t.groups.containers)
	for _, n := range t.groups.named {
		if !n.container() {
			continue
		}
		id := n.identity.ContainerID
		if k, ok := t.at[id]; ok { // one more cgroup of the same container
			c := &t.list[k]
			c.Cgroups, c.Made = append(c.Cgroups, n.group.Path), max(c.Made, n.group.ID)
			continue
		}
		t.at[id] = int32(len(t.list))
		t.rows = append(t.rows, n.row.ID)
		paths = append(paths, n.group.Path)
		t.list = append(t.list, origin.Container{
			ID: id, Cgroups: paths[len(paths)-1 : len(paths) : len(paths)], Made: n.group.ID,
			PID: n.identity.PID, PodUID: n.row.Label("pod_uid"), Name: n.row.Label("container"),
		})
	}
	t.server.Containers(t.list)
}

// parent returns the ID of a sender's Container row, 0 if there is none.
func (t *tasks) parent(info origin.Info) uint64 {
	if k, ok := t.at[info.ContainerID]; ok {
		return t.rows[k]
	}
	return t.groups.byPath[info.Cgroup]
}

// run runs the StatsD server, if there is one, until ctx ends. It returns an error if the
// StatsD server or the launch API ends before.
func (t *tasks) run(ctx context.Context) error {
	if t.server == nil {
		select {
		case <-ctx.Done():
			return nil
		case err := <-t.launch:
			return fmt.Errorf("launch API: %w", err)
		}
	}
	if err := t.server.Run(ctx); err != nil {
		return fmt.Errorf("statsd: %w", err)
	}
	return nil
}
