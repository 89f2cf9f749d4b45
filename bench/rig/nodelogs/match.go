package nodelogs

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// matcher returns a function that reports whether a query selects an entry.
func (l *Logs) matcher(q *query.LogQuery) (func(*entry.Entry) bool, error) {
	allowed := make([]map[string]bool, 6)
	for k, list := range selectors(q) {
		for _, selector := range list {
			found := l.sources(query.LogSourceKinds[k], selector)
			if allowed[k] == nil {
				allowed[k] = map[string]bool{}
			}
			var candidates []string
			for _, s := range found {
				allowed[k][s.Name] = true
				candidates = append(candidates, s.Name)
			}
			if len(found) > 1 && !strings.ContainsAny(selector, "*?[") {
				return nil, &query.AmbiguousError{Selector: selector, Candidates: candidates}
			}
		}
		if allowed[k] != nil && len(allowed[k]) == 0 {
			return nil, fmt.Errorf("%s %s: %w", query.LogSourceKinds[k], strings.Join(list, ","), query.ErrNoSuchSource)
		}
	}
	grep, err := regexp.Compile(q.Grep)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", query.ErrBadLogQuery, err)
	}
	inScope := q.Scope.Filter()
	return func(e *entry.Entry) bool {
		for k, some := range allowed {
			isAllowed := func(n string) bool { return some[n] }
			if some != nil && !slices.ContainsFunc(names(e, query.LogSourceKinds[k]), isAllowed) {
				return false
			}
		}
		message, _ := e.Get("MESSAGE")
		return inScope(&e.Origin, nil) && grep.Match(message) && matches(e, q.Matches) && inPriority(e, q.Priority) &&
			(q.Since == 0 || e.Realtime >= q.Since) && (q.Until == 0 || e.Realtime <= q.Until)
	}, nil
}

func inPriority(e *entry.Entry, r *query.PriorityRange) bool {
	p := priority(e)
	return r == nil || p >= r.Min && p <= r.Max
}

func priority(e *entry.Entry) int {
	v, _ := e.Get("PRIORITY")
	if n, err := strconv.Atoi(string(v)); err == nil && n >= 0 && n <= 7 {
		return n
	}
	return 6
}

// matches implements journalctl's matches: "+" separates groups, of which one has to hold.
func matches(e *entry.Entry, list []string) bool {
	if i := slices.Index(list, "+"); i >= 0 {
		return matches(e, list[:i]) || matches(e, list[i+1:])
	}
	has := map[string]bool{}
	for _, m := range list {
		name, value, _ := strings.Cut(m, "=")
		has[name] = has[name] || slices.ContainsFunc(e.Fields, func(f entry.Field) bool {
			return f.Name == name && string(f.Value) == value
		})
	}
	for _, ok := range has {
		if !ok {
			return false
		}
	}
	return true
}

func (l *Logs) selected(q *query.LogQuery) ([]*entry.Entry, error) {
	match, err := l.matcher(q)
	if err != nil {
		return nil, err
	}
	var out []*entry.Entry
	for _, e := range l.all() {
		if match(e) {
			out = append(out, e)
		}
	}
	return out, nil
}

// Fields implements query.Logs.
func (l *Logs) Fields(_ context.Context, q *query.LogQuery) ([]string, error) {
	list, err := l.selected(q)
	var out []string
	for _, e := range list {
		for _, f := range e.Fields {
			out = append(out, f.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), err
}

// Values implements query.Logs.
func (l *Logs) Values(_ context.Context, q *query.LogQuery, field string, limit int) ([]string, error) {
	list, err := l.selected(q)
	var out []string
	for _, e := range list {
		for _, f := range e.Fields {
			if f.Name == field {
				out = append(out, string(f.Value))
			}
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), limit)], err
}

// Histogram implements query.Logs.
func (l *Logs) Histogram(_ context.Context, q *query.LogQuery, step int64) ([]query.LogBucket, error) {
	list, err := l.selected(q)
	var out []query.LogBucket
	for _, e := range list {
		start := e.Realtime / step * step
		i, ok := slices.BinarySearchFunc(out, start, func(b query.LogBucket, s int64) int { return int(b.Start - s) })
		if !ok {
			out = slices.Insert(out, i, query.LogBucket{Start: start})
		}
		out[i].Counts[priority(e)]++
	}
	return out, err
}

// Boots implements query.Logs.
func (l *Logs) Boots(_ context.Context, q *query.LogQuery) ([]query.LogBoot, error) {
	list, err := l.selected(q)
	if len(list) == 0 {
		return nil, err
	}
	return []query.LogBoot{{
		Agent: l.agent, ID: list[0].Boot, First: list[0].Realtime, Last: list[len(list)-1].Realtime,
	}}, nil
}
