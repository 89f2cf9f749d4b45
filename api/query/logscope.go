package query

import (
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/glob"
)

// Filter returns a function that reports whether the scope allows entries of an origin.
// A nil scope allows all. A tag that is unknown matches no pattern.
func (s *LogScope) Filter() func(*entry.Origin) bool {
	if s == nil {
		return func(*entry.Origin) bool { return true }
	}
	selectors := make([]map[string]glob.Pattern, len(s.Selectors))
	for i, selector := range s.Selectors {
		selectors[i] = make(map[string]glob.Pattern, len(selector))
		for tag, pattern := range selector {
			selectors[i][tag] = glob.Compile(pattern)
		}
	}
	return func(o *entry.Origin) bool {
		for _, selector := range selectors {
			if allows(selector, o) {
				return true
			}
		}
		return false
	}
}

func allows(selector map[string]glob.Pattern, o *entry.Origin) bool {
	for tag, pattern := range selector {
		if value := o.Tag(tag); value == "" || !pattern.Match(value) {
			return false
		}
	}
	return true
}
