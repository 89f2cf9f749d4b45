package gateway

import (
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
)

// agentsFor is how long a list of the fleet's agents is used.
const agentsFor = time.Second

// agents returns the fleet's agents.
func (g *Gateway) agents() []query.Agent {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listed == nil || time.Since(g.listedAt) > agentsFor {
		g.listed, g.listedAt = g.o.Fleet.Agents(), time.Now()
	}
	return g.listed
}

// grow takes in agents that a search has found, and looks for more from time to time.
func (r *reader) grow(now time.Time) {
	if hasSelectors(&r.plan.later) {
		r.join(r.new(r.found.take()))
	}
	if now.Sub(r.refreshed) >= r.every() {
		r.refreshed = now
		r.refresh()
	}
}

// refresh lets a query that follows read agents that match by now: new ones, and those on
// which something that it selects was started. Their entries from before the query began
// are left out. Containers that run are known from the frames of their agents. Units, and
// tasks that only the journal has, have to be asked for, which happens while entries are
// read.
func (r *reader) refresh() {
	ids, _, err := r.g.chosen(r.q.Agents)
	if err != nil || len(r.new(ids)) == 0 {
		return
	}
	switch later := &r.plan.later; {
	case hasSelectors(later):
		if len(later.Units) == 0 {
			running := r.g.o.Fleet.Running(matchLabels(later))
			r.join(slices.DeleteFunc(r.new(ids), func(id string) bool { return !slices.Contains(running, id) }))
		}
		if len(r.new(ids)) > 0 && r.found.begin() {
			ctx, age := r.m.ctx, r.every()/2
			r.m.work.Go(func() { r.found.end(r.g.whoHas(ctx, ids, later, age)) })
		}
	default:
		r.join(r.new(ids))
	}
}

// every is how often the query looks for agents that match by now: more often while none
// does, if the fleet is not large.
func (r *reader) every() time.Duration {
	if len(r.m.legs) > 0 {
		return r.g.o.Refresh
	}
	const aNode = 5 * time.Millisecond
	return min(max(time.Second, time.Duration(len(r.g.agents()))*aNode), r.g.o.Refresh)
}

// onItsWay is how much older than a query an entry may be that was not there when it began.
const onItsWay = time.Second

// new returns those of some agents that are not read yet.
func (r *reader) new(ids []string) []string {
	if len(ids) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return slices.ContainsFunc(r.m.legs, func(l *leg) bool { return l.agent == id })
	})
}

// join lets the query read more agents.
func (r *reader) join(ids []string) {
	if len(ids) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if r.closed {
			return
		}
		if len(r.m.legs) >= r.g.o.MaxAgents {
			return
		}
		base := r.plan.later
		r.vector.add()
		r.plan.parts = append(r.plan.parts, part{id, base})
		l := r.add(id, &base, start{position: position{kind: since, time: r.began.Add(-onItsWay).UnixMicro()}})
		l.joins, l.failed, l.state = true, query.ErrNodeAway, away
		r.m.work.Go(func() { l.run(nil) })
	}
}

// labelsOf are the labels of a container's row that the kinds of selectors are compared
// with.
var labelsOf = [6][]string{
	{"container_id", "name"}, {"task_id", "task_name"}, {"framework_id", "framework_name"}, {"executor_id"},
	{"application_name"}, nil,
}

// matchLabels returns a function that reports whether a container's labels match a query's
// selectors.
func matchLabels(q *query.LogQuery) func(label func(string) string) bool {
	var patterns [6][]glob.Pattern
	for k, l := range lists(q) {
		for _, s := range *l {
			patterns[k] = append(patterns[k], glob.Compile(s))
		}
	}
	return func(label func(string) string) bool {
		for k, list := range patterns {
			if list != nil && !slices.ContainsFunc(labelsOf[k], func(name string) bool {
				v := label(name)
				return v != "" && slices.ContainsFunc(list, func(p glob.Pattern) bool { return p.Match(v) })
			}) {
				return false
			}
		}
		return true
	}
}
