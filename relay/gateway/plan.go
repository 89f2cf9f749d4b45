package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
)

// part is what a query asks one agent.
type part struct {
	agent string
	q     query.LogQuery // with the selectors that match there, as whole names
}

// plan says which agents a query asks. Agents that did not say what they have are asked,
// too.
type plan struct {
	parts []part         // sorted by agent
	one   bool           // it is one agent, whose cursors pass unchanged
	later query.LogQuery // what agents are asked that match later
	waits bool           // nothing matches yet
}

// lists returns the lists of a query's selectors, in the order of query.LogSourceKinds.
func lists(q *query.LogQuery) [6]*[]string {
	return [...]*[]string{&q.Containers, &q.Tasks, &q.Frameworks, &q.Executors, &q.Applications, &q.Units}
}

func hasSelectors(q *query.LogQuery) bool {
	all := lists(q)
	return slices.ContainsFunc(all[:], func(l *[]string) bool { return len(*l) > 0 })
}

// plan chooses the agents of a query.
func (g *Gateway) plan(ctx context.Context, q *query.LogQuery) (*plan, error) {
	agents, one, err := g.chosen(q.Agents)
	if err != nil {
		return nil, err
	}
	one = one && (len(q.Agents) > 0 || !q.Follow) // a fleet of one may grow
	base := *q
	base.Agents = nil
	if only, ok := g.runsOnly(q); ok && slices.Contains(agents, only) {
		return g.bounded(&plan{parts: []part{{only, base}}, one: true, later: base})
	}
	if len(agents) == 0 {
		return nil, fmt.Errorf("no agent is known: %w", query.ErrNoSuchSource)
	}
	if !hasSelectors(q) || one { // that node says itself what is ambiguous
		p := &plan{one: one, later: base}
		for _, a := range agents {
			p.parts = append(p.parts, part{a, base})
		}
		return g.bounded(p)
	}
	if len(agents) > g.o.MaxAgents {
		return nil, g.tooMany(len(agents))
	}
	p, err := g.resolve(ctx, agents, &base)
	if err != nil {
		return nil, err
	}
	return g.bounded(p)
}

func (g *Gateway) bounded(p *plan) (*plan, error) {
	if len(p.parts) > g.o.MaxAgents {
		return nil, g.tooMany(len(p.parts))
	}
	return p, nil
}

func (g *Gateway) tooMany(n int) error {
	return fmt.Errorf("%w: it asks %d agents, and %d are allowed: choose some by their ids",
		query.ErrBadLogQuery, n, g.o.MaxAgents)
}

// runsOnly returns the agent of a query for one container that runs, given by its whole
// id.
func (g *Gateway) runsOnly(q *query.LogQuery) (string, bool) {
	if len(q.Containers) != 1 {
		return "", false
	}
	p := glob.Compile(q.Containers[0])
	id, plain := p.Text()
	if !plain || id == "" {
		return "", false
	}
	agents := g.o.Fleet.Running(func(label func(string) string) bool { return label("container_id") == id })
	if len(agents) != 1 {
		return "", false
	}
	return agents[0], true
}

// has is what an agent says that it has.
type has struct {
	sources []query.LogSource
	err     error
}

// ask asks agents for the names that a query's selectors match.
func (g *Gateway) ask(ctx context.Context, agents []string, q *query.LogQuery) []has {
	answers := make([]has, len(agents))
	g.each(len(agents), func(i int) {
		ctx, cancel := context.WithTimeout(ctx, g.o.Answer)
		defer cancel()
		answers[i].sources, answers[i].err = g.o.Node(agents[i]).Sources(ctx, q)
	})
	return answers
}

// each calls fn with 0 to n-1, some of them at once.
func (g *Gateway) each(n int, fn func(i int)) {
	var work sync.WaitGroup
	limit := make(chan struct{}, g.o.Parallel)
	for i := range n {
		limit <- struct{}{}
		work.Go(func() {
			defer func() { <-limit }()
			fn(i)
		})
	}
	work.Wait()
}

// resolve replaces selectors by the names that they match anywhere, and chooses the agents
// that have some.
func (g *Gateway) resolve(ctx context.Context, agents []string, q *query.LogQuery) (*plan, error) {
	answers := g.ask(ctx, agents, q)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	names := newNames()
	var silent []string
	for i := range answers {
		switch err := answers[i].err; {
		case err == nil:
			names.add(answers[i].sources)
		case errors.Is(err, query.ErrBadLogQuery):
			return nil, err
		case !errors.Is(err, query.ErrNoJournal):
			silent = append(silent, agents[i])
		}
	}
	if err := names.ambiguous(); err != nil {
		return nil, err
	}
	var parts []part
	found := false
	for i, a := range agents {
		err := answers[i].err
		switch {
		case errors.Is(err, query.ErrNoJournal):
		case err != nil:
			parts = append(parts, part{a, names.everywhere(q)})
		default:
			if narrowed, ok := names.on(answers[i].sources, q); ok {
				parts, found = append(parts, part{a, narrowed}), true
			}
		}
	}
	isAway := func(h has) bool { return errors.Is(h.err, query.ErrNodeAway) }
	hasNone := func(h has) bool { return errors.Is(h.err, query.ErrNoJournal) }
	switch {
	case found:
		return &plan{parts: parts, later: names.everywhere(q)}, nil
	case q.Follow && names.mayCome(q) && slices.ContainsFunc(answers, func(h has) bool { return h.err == nil }):
		return &plan{parts: parts, later: names.awaited(q), waits: true}, nil
	case !slices.ContainsFunc(answers, func(h has) bool { return !isAway(h) }):
		return nil, query.ErrNodeAway
	case !slices.ContainsFunc(answers, func(h has) bool { return !hasNone(h) }):
		return nil, answers[0].err
	case len(parts) > 0 && !slices.ContainsFunc(answers, isAway):
		return &plan{parts: parts, later: *q}, nil // those that cannot tell what they have find out by reading
	case len(silent) > 0:
		return nil, fmt.Errorf("%s: %w, but these agents did not answer: %s",
			described(q), query.ErrNoSuchSource, strings.Join(silent[:min(len(silent), maxCandidates)], ", "))
	}
	return nil, fmt.Errorf("%s: %w", described(q), query.ErrNoSuchSource)
}

// described returns the selectors of a query for people.
func described(q *query.LogQuery) string {
	var all []string
	for k, l := range lists(q) {
		if len(*l) > 0 {
			all = append(all, query.LogSourceKinds[k]+" "+strings.Join(*l, ","))
		}
	}
	return strings.Join(all, " and ")
}
