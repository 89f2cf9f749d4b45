package sinks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/relay/sinks/sink"
	"go.yaml.in/yaml/v3"
)

// Filter selects records. All conditions that are set must hold; of several patterns of
// one condition, one must match (package glob). Events are selected by Agent alone.
type Filter struct {
	Agent      sink.StringList            `yaml:"agent"`
	Unit       sink.StringList            `yaml:"unit"`
	Container  sink.StringList            `yaml:"container"`  // by name or id
	Identifier sink.StringList            `yaml:"identifier"` // of the program
	Priority   *Priority                  `yaml:"priority"`   // this one and more urgent ones
	Tags       map[string]sink.StringList `yaml:"tags"`       // origin tags
	Match      map[string]sink.StringList `yaml:"match"`      // fields of the entry
	Exclude    *Filter                    `yaml:"exclude"`    // what is left out of the rest
	NoEvents   bool                       `yaml:"no_events"`  // deliver no events, which say what is missing
}

// Priority is a syslog priority in a configuration: a name or a number.
type Priority int

// UnmarshalYAML implements yaml.Unmarshaler.
func (p *Priority) UnmarshalYAML(n *yaml.Node) error {
	i := slices.Index(priorities, n.Value)
	if i < 0 {
		if i = slices.Index(strings.Split("0 1 2 3 4 5 6 7", " "), n.Value); i < 0 {
			return fmt.Errorf("line %d: priority %q: write one of %s", n.Line, n.Value, strings.Join(priorities, ", "))
		}
	}
	*p = Priority(i)
	return nil
}

var priorities = []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

func (f *Filter) check() error {
	for tag := range f.Tags {
		if !metric.IsOriginTag(tag) {
			return fmt.Errorf("tags: unknown tag %q: use %s", tag, strings.Join(metric.OriginTags[:], ", "))
		}
	}
	if f.Exclude != nil {
		if f.Exclude.Exclude != nil {
			return fmt.Errorf("exclude: an exclude in an exclude is not supported")
		}
		return f.Exclude.check()
	}
	return nil
}

// condition reports whether a record is selected.
type condition func(r *sink.Record) bool

// compile returns the filter as a function.
func (f *Filter) compile() condition {
	var entryHolds, agentHolds []condition
	agentHolds = appendPatterns(agentHolds, f.Agent, func(r *sink.Record) string { return r.Agent })
	entryHolds = appendPatterns(entryHolds, f.Unit, (*sink.Record).Unit)
	entryHolds = appendPatterns(entryHolds, f.Identifier, (*sink.Record).Identifier)
	if p := patterns(f.Container); p != nil {
		entryHolds = append(entryHolds, func(r *sink.Record) bool {
			return p.match(r.Container()) || p.match(r.Tag("container_id"))
		})
	}
	if f.Priority != nil {
		most := int(*f.Priority)
		entryHolds = append(entryHolds, func(r *sink.Record) bool { return r.Priority() <= most })
	}
	for tag, globs := range f.Tags {
		entryHolds = appendPatterns(entryHolds, globs, func(r *sink.Record) string { return r.Tag(tag) })
	}
	for name, globs := range f.Match {
		if p := patterns(globs); p != nil {
			entryHolds = append(entryHolds, func(r *sink.Record) bool {
				return slices.ContainsFunc(r.Entry.Fields, func(f entry.Field) bool {
					return f.Name == name && p.match(string(f.Value))
				})
			})
		}
	}
	exclude := func(*sink.Record) bool { return false }
	if f.Exclude != nil {
		exclude = f.Exclude.compile()
	}
	holds := func(all []condition, r *sink.Record) bool {
		return !slices.ContainsFunc(all, func(c condition) bool { return !c(r) })
	}
	return func(r *sink.Record) bool {
		if r.Entry == nil { // an event passes an exclude that names more than agents
			excluded := f.Exclude != nil && len(f.Exclude.Agent) > 0 && !f.Exclude.selectsEntries() && exclude(r)
			return !f.NoEvents && holds(agentHolds, r) && !excluded
		}
		return holds(agentHolds, r) && holds(entryHolds, r) && !exclude(r)
	}
}

// selectsEntries reports whether the filter has a condition on entries.
func (f *Filter) selectsEntries() bool {
	return len(f.Unit)+len(f.Container)+len(f.Identifier)+len(f.Tags)+len(f.Match) > 0 || f.Priority != nil
}

func appendPatterns(all []condition, globs []string, of func(*sink.Record) string) []condition {
	p := patterns(globs)
	if p == nil {
		return all
	}
	return append(all, func(r *sink.Record) bool { return p.match(of(r)) })
}

// patternList is a list of patterns, of which one must match.
type patternList []glob.Pattern

func patterns(globs []string) (p patternList) {
	for _, g := range globs {
		p = append(p, glob.Compile(g))
	}
	return p
}

func (p patternList) match(s string) bool {
	for i := range p {
		if p[i].Match(s) {
			return true
		}
	}
	return false
}
