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

// distinct answers how many distinct members the sets of a group had in a step,
// as if they had been sent to one place.
func (s *server) distinct(ctx context.Context, ask *question) ([]v1.Series, error) {
	m := newMerging[sketch.Set](ask)
	found := false
	match := func(agent string, row, parent *frame.Row) bool {
		ok := row.Label("type") == metric.AppTypeSet && ask.app.rows(row, metric.AppValue) && (ask.match == nil || ask.match(agent, row, parent))
		found = found || ok
		return ok
	}
	if err := s.History.Sets(ctx, m.query(ask, match), m.add); err != nil {
		return nil, err
	}
	if !found {
		if err := s.noSet(ctx, ask); err != nil {
			return nil, err
		}
	}
	if len(m.sums) > maxPoints {
		return nil, query.ErrTooMany
	}
	out := make([]v1.Series, len(m.labels))
	for i := range m.labels {
		out[i].Labels = m.labelsOf(i, ask.name)
	}
	for _, p := range m.order() {
		to := &out[p.group]
		to.Points = append(to.Points, v1.Point{Time: m.at(p), Value: m.sums[p].Estimate()})
	}
	return out, nil
}

// noSet says what the series are that match, if none of them is a set.
func (s *server) noSet(ctx context.Context, ask *question) error {
	set, other := false, ""
	q := query.Query{Agent: ask.agent, Kind: metric.App, Column: metric.AppSamples, Start: ask.start.UnixNano(), End: ask.end.UnixNano(), Limit: 1}
	q.Step = max(1, q.End-q.Start)
	q.Match = func(agent string, row, parent *frame.Row) bool {
		typ, column := row.Label("type"), metric.AppValue
		if metric.IsAppHistogram(typ) {
			column = metric.AppCount
		}
		if ask.app.rows(row, column) && (ask.match == nil || ask.match(agent, row, parent)) {
			set = set || typ == metric.AppTypeSet
			other = metric.AppTypeName(typ)
		}
		return false // its values do not matter
	}
	if _, err := s.History.Query(ctx, q); err != nil {
		return err
	}
	if set || other == "" {
		return nil
	}
	return web.BadRequest("%s has no distinct members: it is no set but a %s; tasks send sets with type s", ask.name, other)
}
