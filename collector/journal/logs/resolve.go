package logs

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
)

// maxSources bounds how many names one selector matches.
const maxSources = 1000

// found are the names that one selector matches.
type found struct {
	names []string // sorted
	exact bool     // the only name is the selector itself
	glob  bool
}

// each calls fn with every name of a kind that the journal or the collector knows.
func (v *view) each(k kind, fn func(name string)) {
	for name := range v.catalog.names[k] {
		if k == containers && v.catalog.isShort(name) {
			continue
		}
		fn(name)
	}
	if k != units {
		v.node.o.Identities.each(func(i *Identity, _ []string) { i.names(k, fn) })
	}
}

// view is the names that there are at one moment. Whoever has one holds the catalog's
// lock.
type view struct {
	node    *Node
	catalog *catalog
}

// apart calls fn without the catalog's lock, since it reads files. Names may come meanwhile,
// and go.
func (v *view) apart(fn func()) {
	v.catalog.mu.Unlock()
	defer v.catalog.mu.Lock()
	fn()
}

// find finds the names that a selector matches: itself, or those that it is a pattern of
// or, without wildcards, the beginning of.
func (v *view) find(k kind, selector string) found {
	if name, ok := v.exact(k, selector); ok {
		return found{names: []string{name}, exact: true}
	}
	pattern := glob.Compile(selector)
	_, plain := pattern.Text()
	f := found{glob: !plain}
	seen := map[string]bool{}
	v.each(k, func(name string) {
		matches := plain && strings.HasPrefix(name, selector) || !plain && pattern.Match(name)
		if matches && len(seen) <= maxSources && !seen[name] {
			seen[name] = true
			f.names = append(f.names, name)
		}
	})
	slices.Sort(f.names)
	return f
}

// exact returns the name that a selector is, as it stands or, of a unit without its
// suffix, as a service.
func (v *view) exact(k kind, selector string) (string, bool) {
	names := v.catalog.names[k]
	if k == units {
		for _, n := range []string{selector, selector + ".service"} {
			if names[n] != nil {
				return n, true
			}
		}
		return "", false
	}
	if names[selector] != nil && !(k == containers && v.catalog.isShort(selector)) {
		return selector, true
	}
	is := false
	v.node.o.Identities.named(k, selector, func(*Identity, []string) { is = true })
	return selector, is
}

// one narrows names that a selector begins to one, if all of them are names of one
// container.
func (v *view) one(k kind, names []string) (string, bool) {
	if len(names) == 1 {
		return names[0], true
	}
	if k == units {
		return "", false
	}
	var all *Identity
	same := true
	for _, n := range names {
		had := false
		v.node.o.Identities.named(k, n, func(i *Identity, _ []string) {
			same, had, all = same && (all == nil || all == i), true, i
		})
		same = same && had
	}
	return names[0], same
}

// resolve returns the names that selectors of a kind match. Selectors that match nothing
// are left out.
func (v *view) resolve(k kind, selectors []string, visible func(name string) bool) (map[string]bool, error) {
	names := map[string]bool{}
	for _, s := range selectors {
		f := v.find(k, s)
		f.names = slices.DeleteFunc(f.names, func(n string) bool { return !visible(n) })
		if f.exact || f.glob || len(f.names) == 0 {
			for _, n := range f.names {
				names[n] = true
			}
			continue
		}
		n, ok := v.one(k, f.names)
		if !ok {
			return nil, &query.AmbiguousError{Selector: s, Candidates: f.names[:min(len(f.names), 20)]}
		}
		names[n] = true
	}
	return names, nil
}
