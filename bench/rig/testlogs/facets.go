package testlogs

import (
	"context"
	"slices"
	"strconv"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// each calls fn with every entry that matches.
func (s *Store) each(q *query.LogQuery, fn func(e *entry.Entry)) {
	all, _ := s.snapshot()
	for _, r := range all {
		if r.Entry != nil && matches(q, r.Entry) {
			fn(r.Entry)
		}
	}
}

// Fields implements query.Logs.
func (s *Store) Fields(_ context.Context, q *query.LogQuery) (names []string, _ error) {
	s.each(q, func(e *entry.Entry) {
		for _, f := range e.Fields {
			names = append(names, f.Name)
		}
	})
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Values implements query.Logs.
func (s *Store) Values(_ context.Context, q *query.LogQuery, field string, limit int) (all []string, _ error) {
	s.each(q, func(e *entry.Entry) { all = append(all, values(e, field)...) })
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(limit, len(all))], nil
}

// Histogram implements query.Logs.
func (s *Store) Histogram(_ context.Context, q *query.LogQuery, step int64) ([]query.LogBucket, error) {
	counts := map[int64]*query.LogBucket{}
	s.each(q, func(e *entry.Entry) {
		start := e.Realtime - e.Realtime%step
		if counts[start] == nil {
			counts[start] = &query.LogBucket{Start: start}
		}
		n := 6
		if v := values(e, "PRIORITY"); len(v) > 0 {
			n, _ = strconv.Atoi(v[0])
		}
		counts[start].Counts[n&7]++
	})
	var list []query.LogBucket
	for _, b := range counts {
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b query.LogBucket) int { return int(a.Start/step - b.Start/step) })
	return list, nil
}

// Boots implements query.Logs.
func (s *Store) Boots(_ context.Context, q *query.LogQuery) (list []query.LogBoot, _ error) {
	s.each(q, func(e *entry.Entry) {
		agent := e.Origin.Tag("agent_id")
		i := slices.IndexFunc(list, func(b query.LogBoot) bool { return b.Agent == agent && b.ID == e.Boot })
		if i < 0 {
			i = len(list)
			list = append(list, query.LogBoot{Agent: agent, ID: e.Boot, First: e.Realtime})
		}
		list[i].Last = e.Realtime
	})
	return list, nil
}
