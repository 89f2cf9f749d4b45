package sessions

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// ticks are the newest ticks of a fleet, by agent.
type ticks map[string]*frame.Batch

func (f ticks) Agents() (all []query.Agent) {
	for _, id := range slices.Sorted(maps.Keys(f)) {
		all = append(all, query.Agent{ID: id})
	}
	return all
}

func (f ticks) View(agent string, fn func(*frame.Batch)) error {
	if f[agent] == nil {
		return query.ErrUnknownAgent
	}
	fn(f[agent])
	return nil
}

// fleetOf returns a fleet of nodes, whose containers have the labels.
func fleetOf(nodes map[string][][]string) ticks {
	fleet := ticks{}
	for agent, containers := range nodes {
		b := testtick.New(0, false)
		b.Agent = agent
		t := b.Table(metric.Container)
		for i, labels := range containers {
			row := &frame.Row{ID: uint64(1000 + i), Key: "/" + labels[1], Labels: testtick.Labels(labels...)}
			testtick.AddRow(t, row)[metric.Created] = 1_700_000_000
		}
		fleet[agent] = b
	}
	return fleet
}

func TestFind(t *testing.T) {
	fleet := fleetOf(map[string][][]string{
		"node1": {
			{"container_id", "aa11", "task_name", "web", "task_id", "web.1", "application_name", "/shop/web"},
			{"container_id", "bb22", "task_name", "web-cache", "task_id", "web-cache.1"},
			{"container_id", "cc33", "container_name", "db"},
			{"container_id", "cc33", "container_name", "db"}, // another cgroup of it
		},
		"node2": {
			{"container_id", "aa99", "task_name", "hidden"},
			{"container_id", "dd44", "container_name", "db"},
			{"container_id", "ee55", "container_name", "queue", "image", "web"},
		},
	})
	see := func(_ string, row *frame.Row) bool { return row.Label("task_name") != "hidden" }
	for _, c := range []struct {
		agent, name, want string
		id                bool
	}{
		{"", "web", "aa11", false}, // exactly, though others have it in part
		{"", "web-", "bb22", false}, {"", "cache", "bb22", false}, {"", "aa11", "aa11", false},
		{"", "aa", "aa11", false}, // the other one may not be seen
		{"", "web.1", "aa11", false}, {"", "/shop/web", "aa11", false}, {"", "shop/web", "aa11", false},
		{"node2", "db", "dd44", false}, {"node1", "d", "cc33", false},
		{"", "ee55", "ee55", false}, {"", "que", "ee55", false},
		{"", "aa11", "aa11", true}, {"node2", "ee55", "ee55", true},
	} {
		got, err := find(fleet, c.agent, c.name, c.id, see)
		if err != nil || got.row.Label("container_id") != c.want {
			t.Errorf("%q on %q: %v, %v; want %s", c.name, c.agent, got, err, c.want)
		}
	}
	for _, name := range []string{"hidden", "aa99", "nothing", "55", "node1"} {
		var none *broker.NoContainerError
		if got, err := find(fleet, "", name, false, see); !errors.As(err, &none) {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"web", "aa", "web.1", "db", "aa99"} { // names and parts are no ids
		var none *broker.NoContainerError
		if got, err := find(fleet, "", name, true, see); !errors.As(err, &none) {
			t.Errorf("%q as an id: %v, %v", name, got, err)
		}
	}
	if _, err := find(fleet, "", "", false, see); !errors.Is(err, broker.ErrBad) {
		t.Errorf("no name: %v", err)
	}
	var ambiguous *broker.AmbiguousError
	if _, err := find(fleet, "", "db", false, see); !errors.As(err, &ambiguous) ||
		!slices.Equal(ambiguous.Candidates, []string{"db (cc33 on node1)", "db (dd44 on node2)"}) {
		t.Errorf("db: %v", err)
	}
}
