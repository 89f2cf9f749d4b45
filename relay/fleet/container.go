package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/glob"
)

// Errors of ContainerByID.
var (
	ErrNoContainer = errors.New("no such container")
	ErrAmbiguous   = errors.New("more than one container matches: give more of its id")
)

// Container is one container, and the agent that runs it.
type Container struct {
	Agent string
	Row   *frame.Row
}

// nameLabels are the labels by which people identify a container, best first.
var nameLabels = []string{"container_id", "task_id", "container_name", "task_name", "application_name", "name"}

// ContainerByID finds the only container that has id as one of its ids or names, or
// else the only one whose container id or task id begins with it. Its errors are
// ErrNoContainer and ErrAmbiguous.
func (f *Fleet) ContainerByID(id string) (Container, error) {
	if id == "" {
		return Container{}, ErrNoContainer
	}
	for _, label := range nameLabels {
		found := f.containers(func(r *frame.Row) bool { return r.Label(label) == id })
		if len(found) > 0 {
			return one(found, id)
		}
	}
	found := f.containers(func(r *frame.Row) bool {
		return strings.HasPrefix(r.Label("container_id"), id) || strings.HasPrefix(r.Label("task_id"), id)
	})
	return one(found, id)
}

func one(found []Container, id string) (Container, error) {
	switch len(found) {
	case 0:
		return Container{}, fmt.Errorf("%q: %w", id, ErrNoContainer)
	case 1:
		return found[0], nil
	}
	return Container{}, fmt.Errorf("%q: %w", id, ErrAmbiguous)
}

// Containers finds the containers with a label that contains pattern, or, if pattern
// has wildcards (api/glob), matches it as a whole, as "dcos task" does. The cgroup's path
// counts as a label; "" finds all containers. They are sorted by agent and cgroup.
func (f *Fleet) Containers(pattern string) []Container {
	p := glob.Compile(pattern)
	match := p.Match
	if text, ok := p.Text(); ok {
		match = func(v string) bool { return strings.Contains(v, text) }
	}
	return f.containers(func(r *frame.Row) bool {
		if pattern == "" {
			return true
		}
		for i := range r.Labels {
			if match(r.Labels[i].Value) {
				return true
			}
		}
		return match(r.Key)
	})
}

func (f *Fleet) containers(match func(*frame.Row) bool) []Container {
	var out []Container
	for n, newest := range f.newest() {
		for _, r := range f.summary(n, newest).rows {
			if r.Label("container_id") != "" && match(r) {
				out = append(out, Container{n.id, r})
			}
		}
	}
	slices.SortFunc(out, func(a, b Container) int {
		return cmp.Or(cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Row.Key, b.Row.Key))
	})
	return out
}

// newest returns the header of every agent's newest tick.
func (f *Fleet) newest() map[*node]frame.Header {
	f.mu.RLock()
	defer f.mu.RUnlock()
	out := make(map[*node]frame.Header, len(f.nodes))
	for _, n := range f.nodes {
		out[n] = n.newest
	}
	return out
}
