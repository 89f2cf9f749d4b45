package policy

import (
	"slices"

	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
)

// selector is a rule's permission for one principal, compiled: it allows things whose tags
// meet all requirements. It is immutable.
type selector struct {
	rule *rule
	all  []requirement
}

// requirement is a condition for one principal.
type requirement struct {
	key      key
	name     string // of the key in the file
	texts    []string
	patterns []glob.Pattern
}

func newRequirement(c *condition, texts []string) requirement {
	r := requirement{key: c.key, name: c.name, texts: texts, patterns: make([]glob.Pattern, len(texts))}
	for i, text := range texts {
		r.patterns[i] = glob.Compile(text)
	}
	return r
}

func (r *requirement) met(t *Tags) bool {
	v := t.value(&r.key)
	if v == "" {
		return false
	}
	for i := range r.patterns {
		if r.patterns[i].Match(v) {
			return true
		}
	}
	return false
}

// allows reports whether all requirements are met.
func (s *selector) allows(t *Tags) bool {
	for i := range s.all {
		if !s.all[i].met(t) {
			return false
		}
	}
	return true
}

// possible reports whether there are tags that the selector allows.
func (s *selector) possible() bool {
	return !slices.ContainsFunc(s.all, func(r requirement) bool { return len(r.texts) == 0 })
}

// conditions returns the selector as a query of log entries has it.
func (s *selector) conditions() []query.LogCondition {
	list := make([]query.LogCondition, len(s.all))
	for i, r := range s.all {
		list[i] = query.LogCondition{Tag: r.key.label, Patterns: r.texts}
	}
	return list
}
