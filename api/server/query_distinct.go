package server

import (
	"context"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/daytwo/daytwo/api/v1"
)

// distinct returns how many distinct members the sets of each group had in each
// step, counting a member of several sets once.
func (s *server) distinct(ctx context.Context, spec *querySpec) ([]v1.Series, error) {
	m := newMerger[sketch.Set](spec)
	found := false
	match := func(agent string, row, parent *frame.Row) bool {
		ok := row.Label("type") == metric.AppTypeSet && spec.app.rows(row, metric.AppValue) &&
			(spec.match == nil || spec.match(agent, row, parent))
		found = found || ok
		return ok
	}
	if err := s.History.Sets(ctx, m.query(spec, match), m.add); err != nil {
		return nil, err
	}
	if !found {
		if err := s.explainNoSet(ctx, spec); err != nil {
			return nil, err
		}
	}
	if len(m.sums) > maxPoints {
		return nil, query.ErrTooMany
	}
	out := make([]v1.Series, len(m.labels))
	for i := range m.labels {
		out[i].Labels = m.labelsOf(i, spec.name)
	}
	for _, p := range m.order() {
		to := &out[p.group]
		to.Points = append(to.Points, v1.Point{Time: m.at(p), Value: m.sums[p].Estimate()})
	}
	return out, nil
}

// explainNoSet returns an error that names the type of the matching series, if none of them
// is a set.
func (s *server) explainNoSet(ctx context.Context, spec *querySpec) error {
	set, other := false, ""
	q := query.Query{Agent: spec.agent, Kind: metric.App, Column: metric.AppSamples, Start: spec.start.UnixNano(),
		End: spec.end.UnixNano(), Limit: 1}
	q.Step = max(1, q.End-q.Start)
	q.Match = func(agent string, row, parent *frame.Row) bool {
		typ, column := row.Label("type"), metric.AppValue
		if metric.IsAppHistogram(typ) {
			column = metric.AppCount
		}
		if spec.app.rows(row, column) && (spec.match == nil || spec.match(agent, row, parent)) {
			set = set || typ == metric.AppTypeSet
			other = metric.AppTypeName(typ)
		}
		return false // the values are not needed
	}
	if _, err := s.History.Query(ctx, q); err != nil {
		return err
	}
	if set || other == "" {
		return nil
	}
	return web.BadRequest(
		"%s has no distinct members: it is not a set but a %s; tasks send sets with type s", spec.name, other)
}
