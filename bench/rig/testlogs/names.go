package testlogs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
)

// names returns the ids and names of an entry that a selector of a kind is compared with.
func names(e *entry.Entry, kind string) []string {
	o := &e.Origin
	switch kind {
	case "container":
		return []string{o.Tag("container_id")}
	case "task":
		return []string{o.Tag("task_id"), o.Tag("task_name")}
	case "framework":
		return []string{o.Tag("framework_id"), o.Tag("framework_name")}
	case "executor":
		return []string{o.Tag("executor_id")}
	case "application":
		return []string{o.Tag("application_name")}
	}
	return values(e, "_SYSTEMD_UNIT", "UNIT")
}

func selectors(q *query.LogQuery) [6][]string {
	return [6][]string{q.Containers, q.Tasks, q.Frameworks, q.Executors, q.Applications, q.Units}
}

// Sources implements query.LogResolver.
func (l *Logs) Sources(_ context.Context, q *query.LogQuery) ([]query.LogSource, error) {
	var out []query.LogSource
	for k, list := range selectors(q) {
		for _, selector := range list {
			out = append(out, l.sources(query.LogSourceKinds[k], selector, q.Scope)...)
		}
	}
	return out, nil
}

func (l *Logs) sources(kind, selector string, scope *query.LogScope) []query.LogSource {
	pattern := glob.Compile(selector)
	text, plain := pattern.Text()
	visible := scope.Filter()
	found := map[string]bool{} // and whether it is exact
	exact := false
	for _, r := range l.all() {
		if r.Entry == nil || !visible(&r.Entry.Origin, nil) {
			continue
		}
		for _, name := range names(r.Entry, kind) {
			switch {
			case name == "":
			case plain && name == text:
				found[name], exact = true, true
			case plain && strings.HasPrefix(name, text), !plain && pattern.Match(name):
				found[name] = false
			}
		}
	}
	var out []query.LogSource
	for name, is := range found {
		if is || !exact {
			out = append(out, query.LogSource{Kind: kind, Selector: selector, Name: name, Exact: is})
		}
	}
	slices.SortFunc(out, func(a, b query.LogSource) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// chosen are the names that the selectors of a kind allow.
type chosen struct {
	names map[string]bool
	globs []glob.Pattern
}

func (c *chosen) allows(name string) bool {
	return c.names[name] || name != "" && slices.ContainsFunc(c.globs, func(p glob.Pattern) bool { return p.Match(name) })
}

// choose resolves selectors of a kind. Only patterns and units may be of what is yet to come.
func (l *Logs) choose(q *query.LogQuery, kind string, list []string) (*chosen, error) {
	if list == nil {
		return nil, nil
	}
	c := &chosen{names: map[string]bool{}}
	for _, selector := range list {
		found := l.sources(kind, selector, q.Scope)
		var candidates []string
		for _, s := range found {
			c.names[s.Name] = true
			candidates = append(candidates, s.Name)
		}
		pattern := glob.Compile(selector)
		text, plain := pattern.Text()
		switch {
		case !plain:
			c.globs = append(c.globs, pattern)
		case len(found) > 1:
			return nil, &query.AmbiguousError{Selector: selector, Candidates: candidates}
		case len(found) == 0 && kind == "unit" && q.Follow:
			c.names[query.UnitName(text)] = true
		}
	}
	if len(c.names) == 0 && !(q.Follow && len(c.globs) > 0) {
		return nil, fmt.Errorf("%s %s: %w", kind, strings.Join(list, ","), query.ErrNoSuchSource)
	}
	return c, nil
}
