package server

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

const (
	maxSketches = 4 << 20   // read for one answer
	maxMerged   = 256 << 20 // bytes of the merged sketches of one answer
)

// groupStep is one step of one group.
type groupStep struct {
	group int
	step  int64
}

// mergeable is the pointer type of a histogram or a set.
type mergeable[T any] interface {
	*T
	Merge(*T)
	Size() int
}

// merger merges sketches by group and step.
type merger[T any, P mergeable[T]] struct {
	grouping
	start, end, step int64
	sums             map[groupStep]P
	size             int
}

func newMerger[T any, P mergeable[T]](spec *querySpec) *merger[T, P] {
	m := &merger[T, P]{start: spec.start.UnixNano(), end: spec.end.UnixNano(), step: int64(spec.step),
		sums: map[groupStep]P{}}
	m.grouping = grouping{by: spec.by, alone: spec.alone, names: map[string]int{}, of: map[*query.AppSeries]int{}}
	if m.step <= 0 || m.step > m.end-m.start {
		m.step = max(1, m.end-m.start)
	}
	return m
}

// query returns the query for the sketches of the series that match.
func (m *merger[T, P]) query(spec *querySpec, match query.Match) query.Query {
	return query.Query{Agent: spec.agent, Match: match, Start: m.start, End: m.end, Step: m.step, Limit: maxSketches}
}

// add merges what a series observed up to a tick.
func (m *merger[T, P]) add(series *query.AppSeries, at int64, x P) error {
	if at <= m.start || at > m.end {
		return nil
	}
	to := groupStep{m.find(series), (at - m.start - 1) / m.step} // a tick holds what came before it
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

// order returns all sums, sorted by group and time.
func (m *merger[T, P]) order() []groupStep {
	return slices.SortedFunc(maps.Keys(m.sums), func(a, b groupStep) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.step, b.step))
	})
}

// at returns the end of a step.
func (m *merger[T, P]) at(p groupStep) time.Time {
	return time.Unix(0, min(m.end, m.start+(p.step+1)*m.step))
}

// labelsOf returns a group's labels plus the name and the extra pairs, which do not
// replace a label of the group.
func (m *merger[T, P]) labelsOf(group int, name string, extra ...string) map[string]string {
	labels := map[string]string{"__name__": name}
	for i := 0; i < len(extra); i += 2 {
		labels[extra[i]] = extra[i+1]
	}
	maps.Copy(labels, m.labels[group])
	return labels
}
