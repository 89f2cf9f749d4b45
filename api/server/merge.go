package server

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

const (
	maxSketches = 4 << 20   // of what a fleet tells for one answer
	maxMerged   = 256 << 20 // bytes of what is merged for one answer
)

// merged is one group in one step.
type merged struct {
	group int
	step  int64
}

// mergeable is a histogram or a set.
type mergeable[T any] interface {
	*T
	Merge(*T)
	Size() int
}

// merging adds up sketches by group and step, as if all had been sent to one place.
type merging[T any, P mergeable[T]] struct {
	grouping
	start, end, step int64
	sums             map[merged]P
	size             int
}

func newMerging[T any, P mergeable[T]](ask *question) *merging[T, P] {
	m := &merging[T, P]{start: ask.start.UnixNano(), end: ask.end.UnixNano(), step: int64(ask.step), sums: map[merged]P{}}
	m.grouping = grouping{by: ask.by, alone: ask.alone, names: map[string]int{}, of: map[*query.AppSeries]int{}}
	if m.step <= 0 || m.step > m.end-m.start {
		m.step = max(1, m.end-m.start)
	}
	return m
}

// query asks a fleet for the series that match.
func (m *merging[T, P]) query(ask *question, match query.Match) query.Query {
	return query.Query{Agent: ask.agent, Match: match, Start: m.start, End: m.end, Step: m.step, Limit: maxSketches}
}

// add takes what a fleet tells of a series at a tick.
func (m *merging[T, P]) add(series *query.AppSeries, at int64, x P) error {
	if at <= m.start || at > m.end {
		return nil
	}
	to := merged{m.find(series), (at - m.start - 1) / m.step} // a tick tells what was before it
	sum := m.sums[to]
	if sum == nil {
		sum = new(T)
		m.sums[to] = sum
	}
	m.size -= sum.Size()
	sum.Merge(x)
	if m.size += sum.Size(); m.size > maxMerged {
		return query.ErrTooMany
	}
	return nil
}

// order lists all sums by group, and each group's by time.
func (m *merging[T, P]) order() []merged {
	return slices.SortedFunc(maps.Keys(m.sums), func(a, b merged) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.step, b.step))
	})
}

// at is the end of a step.
func (m *merging[T, P]) at(p merged) time.Time {
	return time.Unix(0, min(m.end, m.start+(p.step+1)*m.step))
}

// labelsOf are a group's, with the name and more, in pairs; the group's own win.
func (m *merging[T, P]) labelsOf(group int, name string, more ...string) map[string]string {
	labels := map[string]string{"__name__": name}
	for i := 0; i < len(more); i += 2 {
		labels[more[i]] = more[i+1]
	}
	maps.Copy(labels, m.labels[group])
	return labels
}
