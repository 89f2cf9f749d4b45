package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/daytwo/daytwo/api/query"
)

// askAll asks all agents of a query. It returns what those that answered have; a
// *query.PartialError if some did not, or had no time to read all entries.
func askAll[T any](
	ctx context.Context, g *Gateway, q *query.LogQuery, ask func(ctx context.Context, n Node, p *part) (T, error),
) ([]T, error) {
	g.counts.queries.Add(1)
	p, err := g.plan(ctx, q)
	if err != nil {
		return nil, err
	}
	answers, errs := make([]T, len(p.parts)), make([]error, len(p.parts))
	g.each(len(p.parts), func(i int) {
		ctx, cancel := context.WithTimeout(ctx, 2*g.o.Answer)
		defer cancel()
		answers[i], errs[i] = ask(ctx, g.o.Node(p.parts[i].agent), &p.parts[i])
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var out []T
	var partial query.PartialError
	var last error
	for i, err := range errs {
		var ambiguous *query.AmbiguousError
		var unfinished *query.PartialError
		switch {
		case err == nil:
			out = append(out, answers[i])
		case errors.As(err, &unfinished):
			out = append(out, answers[i])
			partial.Unfinished = append(partial.Unfinished, p.parts[i].agent)
		case errors.Is(err, query.ErrNoSuchSource), errors.Is(err, query.ErrNoJournal):
			last = err
		case errors.Is(err, query.ErrBadLogQuery), errors.Is(err, query.ErrBadCursor), errors.As(err, &ambiguous):
			return nil, err
		default:
			if last = err; !errors.Is(err, query.ErrNodeAway) {
				g.nodeFailed(p.parts[i].agent, err)
			}
			partial.Away = append(partial.Away, p.parts[i].agent)
		}
	}
	switch {
	case out == nil:
		return nil, last
	case partial.Away != nil, partial.Unfinished != nil:
		return out, &partial
	}
	return out, nil
}

// Fields implements query.Logs.
func (g *Gateway) Fields(ctx context.Context, q *query.LogQuery) ([]string, error) {
	lists, err := askAll(ctx, g, q, func(ctx context.Context, n Node, p *part) ([]string, error) {
		return n.Fields(ctx, &p.q)
	})
	return union(lists), err
}

func union(lists [][]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// Values implements query.Logs.
func (g *Gateway) Values(ctx context.Context, q *query.LogQuery, field string, limit int) ([]string, error) {
	lists, err := askAll(ctx, g, q, func(ctx context.Context, n Node, p *part) ([]string, error) {
		return n.Values(ctx, &p.q, field, limit)
	})
	all := union(lists)
	return all[:min(len(all), limit)], err
}

// Histogram implements query.Logs.
func (g *Gateway) Histogram(ctx context.Context, q *query.LogQuery, step int64) ([]query.LogBucket, error) {
	lists, err := askAll(ctx, g, q, func(ctx context.Context, n Node, p *part) ([]query.LogBucket, error) {
		return n.Histogram(ctx, &p.q, step)
	})
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b query.LogBucket) int { return cmp.Compare(a.Start, b.Start) })
	var out []query.LogBucket
	for i := range all {
		if n := len(out); n == 0 || out[n-1].Start != all[i].Start {
			out = append(out, all[i])
			continue
		}
		for p, n := range all[i].Counts {
			out[len(out)-1].Counts[p] += n
		}
	}
	return out, err
}

// Boots implements query.Logs.
func (g *Gateway) Boots(ctx context.Context, q *query.LogQuery) ([]query.LogBoot, error) {
	lists, err := askAll(ctx, g, q, func(ctx context.Context, n Node, p *part) ([]query.LogBoot, error) {
		boots, err := n.Boots(ctx, &p.q)
		for i := range boots {
			boots[i].Agent = p.agent
		}
		return boots, err
	})
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b query.LogBoot) int { return cmp.Compare(a.First, b.First) })
	return all, err
}
