package sessions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/access"
	"github.com/daytwo/daytwo/api/session/broker"
)

// maxCandidates bounds the list of an ambiguous name.
const maxCandidates = 20

// nameLabels are the labels by which people name a container, best first.
var nameLabels = []string{"container_id", "task_id", "container_name", "task_name", "name", "application_name"}

// target is a container that was found.
type target struct {
	agent string
	row   *frame.Row
	start int64 // Unix seconds, metric.Absent if the node does not know it
}

// find returns the only container that has a name. One that has it exactly comes before those
// that have it in part; with id the name has to be the whole id of the container. see says what
// the asker may enter: the others do not exist for it.
func find(fleet query.Fleet, agent, name string, id bool, see func(agent string, row *frame.Row) bool) (*target,
	error) {
	if name == "" {
		return nil, fmt.Errorf("%w: name a task or a container", broker.ErrBad)
	}
	var exact, prefix, part []*target
	for _, a := range fleet.Agents() {
		if agent != "" && a.ID != agent || a.Stale {
			continue
		}
		// A node whose tick cannot be read has no container that could be entered now.
		_ = fleet.View(a.ID, func(b *frame.Batch) {
			t := b.Table(metric.Container)
			if t == nil {
				return
			}
			for i, row := range t.Rows {
				if c := row.Label("container_id"); c == "" || id && c != name {
					continue
				}
				how := matches(row, name)
				if how == noMatch || !see(a.ID, row) {
					continue
				}
				found := &target{agent: a.ID, row: row, start: t.Row(i)[metric.Created]}
				switch how {
				case exactMatch:
					exact = add(exact, found)
				case prefixMatch:
					prefix = add(prefix, found)
				case partMatch:
					part = add(part, found)
				}
			}
		})
	}
	for _, found := range [][]*target{exact, prefix, part} {
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return nil, ambiguous(name, found)
		}
	}
	return nil, &broker.NoContainerError{Name: name}
}

// add adds a container to a list. Of one that has several cgroups, as in several hierarchies of
// version 1, the row is taken that says when it was started.
func add(list []*target, found *target) []*target {
	for i, t := range list {
		if t.agent == found.agent && t.row.Label("container_id") == found.row.Label("container_id") {
			if t.start == metric.Absent {
				list[i] = found
			}
			return list
		}
	}
	return append(list, found)
}

type match int

const (
	noMatch match = iota
	partMatch
	prefixMatch
	exactMatch
)

// matches reports how well a name is one of a container.
func matches(row *frame.Row, name string) match {
	best := noMatch
	for _, label := range nameLabels {
		value := row.Label(label)
		switch {
		case value == "":
		case value == name || label == "application_name" && strings.TrimPrefix(value, "/") == name:
			return exactMatch
		case strings.HasPrefix(value, name):
			best = max(best, prefixMatch)
		case label != "container_id" && strings.Contains(value, name):
			// Ids are random hex digits, which contain many short texts by chance.
			best = max(best, partMatch)
		}
	}
	return best
}

func ambiguous(name string, found []*target) error {
	e := &broker.AmbiguousError{Name: name}
	for _, t := range found {
		e.Candidates = append(e.Candidates, t.String())
	}
	slices.Sort(e.Candidates)
	if n := len(e.Candidates) - maxCandidates; n > 0 {
		e.Candidates = append(e.Candidates[:maxCandidates], fmt.Sprintf("%d more", n))
	}
	return e
}

// String names the container for people.
func (t *target) String() string {
	id := t.row.Label("container_id")
	for _, label := range []string{"task_name", "container_name", "task_id", "name"} {
		if name := t.row.Label(label); name != "" && name != id {
			return name + " (" + id + " on " + t.agent + ")"
		}
	}
	return id + " on " + t.agent
}

// tags returns what the policy decides about.
func (t *target) tags(c *session.Command) policy.Tags {
	tags := policy.RowTags(t.agent, t.row, nil)
	tags.User, tags.Command, tags.Path = c.User, access.Text(c), c.Path()
	return tags
}

// origin returns the origin tags of the container.
func (t *target) origin() map[string]string {
	tags := map[string]string{"agent_id": t.agent}
	for _, l := range t.row.Labels {
		if metric.IsOriginTag(l.Name) && l.Value != "" {
			tags[l.Name] = l.Value
		}
	}
	return tags
}

// container returns the container as grants name it. Nodes report starts in whole seconds.
func (t *target) container() session.Container {
	return session.Container{ID: t.row.Label("container_id"), Started: t.start * 1e9}
}
