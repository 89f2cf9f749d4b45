package testlogs

import (
	"context"
	"slices"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// each calls fn with every entry that matches.
func (l *Logs) each(q *query.LogQuery, fn func(e *entry.Entry)) error {
	match, err := l.matcher(q)
	if err == nil {
		l.mu.Lock()
		err = l.fault
		l.mu.Unlock()
	}
	if err != nil {
		return err
	}
	for _, r := range l.all() {
		if r.Entry != nil && match(r.Entry) {
			fn(r.Entry)
		}
	}
	return nil
}

// Fields implements query.Logs.
func (l *Logs) Fields(_ context.Context, q *query.LogQuery) (names []string, err error) {
	err = l.each(q, func(e *entry.Entry) {
		for _, f := range e.Fields {
			names = append(names, f.Name)
		}
	})
	slices.Sort(names)
	return slices.Compact(names), err
}

// Values implements query.Logs.
func (l *Logs) Values(_ context.Context, q *query.LogQuery, field string, limit int) (all []string, err error) {
	err = l.each(q, func(e *entry.Entry) { all = append(all, values(e, field)...) })
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(limit, len(all))], err
}

// Histogram implements query.Logs.
func (l *Logs) Histogram(_ context.Context, q *query.LogQuery, step int64) ([]query.LogBucket, error) {
	counts := map[int64]*query.LogBucket{}
	err := l.each(q, func(e *entry.Entry) {
		start := e.Realtime - e.Realtime%step
		if counts[start] == nil {
			counts[start] = &query.LogBucket{Start: start}
		}
		counts[start].Counts[priority(e)]++
	})
	var list []query.LogBucket
	for _, b := range counts {
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b query.LogBucket) int { return int(a.Start/step - b.Start/step) })
	return list, err
}

// Boots implements query.Logs.
func (l *Logs) Boots(_ context.Context, q *query.LogQuery) (list []query.LogBoot, err error) {
	err = l.each(q, func(e *entry.Entry) {
		agent := e.Origin.Tag("agent_id")
		i := slices.IndexFunc(list, func(b query.LogBoot) bool { return b.Agent == agent && b.ID == e.Boot })
		if i < 0 {
			i = len(list)
			list = append(list, query.LogBoot{Agent: agent, ID: e.Boot, First: e.Realtime})
		}
		list[i].Last = e.Realtime
	})
	return list, err
}
