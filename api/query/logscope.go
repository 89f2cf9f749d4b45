package query

import (
	"slices"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/metric"
)

// LogScope says which entries an asker may see: those that one of the selectors allows.
// A selector allows the entries for which all of its conditions hold; one without
// conditions allows all. A scope without selectors allows nothing.
type LogScope struct {
	Selectors [][]LogCondition `json:"selectors"`
}

// LogCondition holds for entries that have a tag which one of the patterns (api/glob)
// matches. The tag is an origin tag, or a label of the entry's container as rows of
// metrics have them: image, namespace, label.KEY. A tag that an entry does not have
// matches no pattern.
type LogCondition struct {
	Tag      string   `json:"tag"`
	Patterns []string `json:"patterns"`
}

// Filter returns a function that reports whether the scope allows entries of an origin
// and a container's labels, which must not change. A nil scope allows all. The function is
// safe for concurrent use.
func (s *LogScope) Filter() func(*entry.Origin, []frame.Label) bool {
	if s == nil {
		return func(*entry.Origin, []frame.Label) bool { return true }
	}
	patterns := 0
	selectors := make([][]condition, len(s.Selectors))
	for i, selector := range s.Selectors {
		for _, c := range selector {
			compiled := condition{origin: slices.Index(metric.OriginTags[:], c.Tag), label: c.Tag}
			for _, text := range c.Patterns {
				compiled.patterns = append(compiled.patterns, glob.Compile(text))
			}
			patterns += len(c.Patterns)
			selectors[i] = append(selectors[i], compiled)
		}
	}
	filter := func(o *entry.Origin, labels []frame.Label) bool {
		return slices.ContainsFunc(selectors, func(selector []condition) bool {
			for i := range selector {
				if !selector[i].holds(o, labels) {
					return false
				}
			}
			return true
		})
	}
	if patterns > fewPatterns {
		return (&memo{filter: filter}).allows
	}
	return filter
}

// condition is a compiled LogCondition.
type condition struct {
	origin   int    // index in metric.OriginTags, -1 for a label
	label    string // name of the label
	patterns []glob.Pattern
}

func (c *condition) holds(o *entry.Origin, labels []frame.Label) bool {
	value := ""
	if c.origin >= 0 {
		value = o[c.origin]
	} else {
		for i := range labels {
			if labels[i].Name == c.label {
				value = labels[i].Value
				break
			}
		}
	}
	if value == "" {
		return false
	}
	for i := range c.patterns {
		if c.patterns[i].Match(value) {
			return true
		}
	}
	return false
}
