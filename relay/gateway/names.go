package gateway

import (
	"maps"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
)

// selected identifies a selector of a query.
type selected struct{ kind, selector string }

// names holds what the selectors of a query match on all agents that answered.
type names struct {
	exact map[selected]bool            // some agent has the very name
	found map[selected]map[string]bool // names
}

func newNames() *names {
	return &names{map[selected]bool{}, map[selected]map[string]bool{}}
}

func (n *names) add(sources []query.LogSource) {
	for _, s := range sources {
		key := selected{s.Kind, s.Selector}
		if s.Exact && !n.exact[key] {
			n.exact[key], n.found[key] = true, nil // a whole name wins over beginnings
		}
		if n.exact[key] && !s.Exact {
			continue
		}
		if n.found[key] == nil {
			n.found[key] = map[string]bool{}
		}
		n.found[key][s.Name] = true
	}
}

// ambiguous returns an error if a selector that is no glob matches several names.
func (n *names) ambiguous() error {
	for key, found := range n.found {
		if !isGlob(key.selector) && len(found) > 1 {
			all := slices.Sorted(maps.Keys(found))
			return &query.AmbiguousError{Selector: key.selector, Candidates: all[:min(len(all), maxCandidates)]}
		}
	}
	return nil
}

// on returns the query for an agent that has some sources: with those selectors that match
// there, as whole names. It reports whether each kind of selector has one.
func (n *names) on(sources []query.LogSource, q *query.LogQuery) (query.LogQuery, bool) {
	out := *q
	for k, l := range lists(&out) {
		if len(*l) == 0 {
			continue
		}
		var here []string
		for _, selector := range *l {
			key := selected{query.LogSourceKinds[k], selector}
			for _, s := range sources {
				if s.Kind == key.kind && s.Selector == selector && n.found[key][s.Name] {
					here = append(here, n.whole(key, s.Name))
				}
			}
		}
		if len(here) == 0 {
			return out, false
		}
		slices.Sort(here)
		*l = slices.Compact(here)
	}
	return out, true
}

// mayCome reports whether something that no agent has now may be there later: names that
// match a pattern, or a unit. Everything else is expected to exist already.
func (n *names) mayCome(q *query.LogQuery) bool {
	for k, l := range lists(q) {
		may := len(*l) == 0
		for _, s := range *l {
			kind := query.LogSourceKinds[k]
			may = may || len(n.found[selected{kind, s}]) > 0 || isGlob(s) || kind == "unit"
		}
		if !may {
			return false
		}
	}
	return true
}

// everywhere returns the query for an agent that did not say what it has.
func (n *names) everywhere(q *query.LogQuery) query.LogQuery {
	out := *q
	for k, l := range lists(&out) {
		list := slices.Clone(*l)
		for i, selector := range list {
			key := selected{query.LogSourceKinds[k], selector}
			for name := range n.found[key] {
				list[i] = n.whole(key, name)
			}
		}
		*l = list
	}
	return out
}

// awaited is everywhere, for what no agent has yet: units by their whole names.
func (n *names) awaited(q *query.LogQuery) query.LogQuery {
	out := n.everywhere(q)
	for i, s := range q.Units {
		if !isGlob(s) && len(n.found[selected{"unit", s}]) == 0 {
			out.Units[i] = query.UnitName(s)
		}
	}
	return out
}

// whole returns the selector for a name: the glob that matches it, or the name itself.
func (n *names) whole(key selected, name string) string {
	if isGlob(key.selector) || n.exact[key] {
		return key.selector
	}
	return quote.Replace(name)
}

// quote makes a glob that matches a text only.
var quote = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]")

func isGlob(selector string) bool {
	p := glob.Compile(selector)
	_, plain := p.Text()
	return !plain
}
