package rules

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/api/metric"
)

// selector selects entries. All conditions that are set must hold; of several patterns of
// one condition, one must match. Its keys are those of the filters of sinks.
type selector struct {
	Unit       globs            `yaml:"unit"`       // of systemd; a user's unit by either name
	Container  globs            `yaml:"container"`  // by name or id, or by the task's name
	Identifier globs            `yaml:"identifier"` // of the program
	Priority   *priorities      `yaml:"priority"`
	Tags       map[string]globs `yaml:"tags"`    // origin tags
	Match      map[string]globs `yaml:"match"`   // fields of the entry
	Grep       expression       `yaml:"grep"`    // in MESSAGE
	Exclude    *selector        `yaml:"exclude"` // what is left out of the rest

	tags  []tagGlobs
	match []fieldGlobs
}

type tagGlobs struct {
	index int // in metric.OriginTags
	globs globs
}

type fieldGlobs struct {
	name  string
	globs globs
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *selector) UnmarshalYAML(n *yaml.Node) error {
	if err := decode(n, s); err != nil {
		return err
	}
	for i, tag := range metric.OriginTags {
		if g, ok := s.Tags[tag]; ok {
			s.tags = append(s.tags, tagGlobs{i, g})
		}
	}
	for tag := range s.Tags {
		if !metric.IsOriginTag(tag) {
			return fmt.Errorf("line %d: tags: unknown tag %q: use %s", n.Line, tag, strings.Join(metric.OriginTags[:], ", "))
		}
	}
	for name, g := range s.Match {
		s.match = append(s.match, fieldGlobs{name, g})
	}
	return nil
}

// selects reports whether the entry of some facts is selected. The cheap conditions come
// first.
func (s *selector) selects(f *Facts) bool {
	if p := s.Priority; p != nil && (f.priority < p.min || f.priority > p.max) {
		return false
	}
	if s.Unit != nil && !s.Unit.match(f.unit) && !s.Unit.match(f.subject) && !s.Unit.match(f.userUnit) {
		return false
	}
	if s.Identifier != nil && !s.Identifier.match(f.identifier) {
		return false
	}
	if s.Container != nil && !s.matchContainer(f) {
		return false
	}
	for i := range s.tags {
		if v := f.e.Origin[s.tags[i].index]; v == "" || !s.tags[i].globs.matchText(v) {
			return false
		}
	}
	for i := range s.match {
		if !s.match[i].any(f) {
			return false
		}
	}
	if s.Grep.Regexp != nil && !s.Grep.Match(f.Message()) {
		return false
	}
	return s.Exclude == nil || !s.Exclude.selects(f)
}

func (s *selector) matchContainer(f *Facts) bool {
	for _, tag := range [...]string{"container_id", "task_name"} {
		if v := f.e.Origin.Tag(tag); v != "" && s.Container.matchText(v) {
			return true
		}
	}
	return s.Container.match(f.containerName)
}

// any reports whether one of the entry's fields of the name matches.
func (m *fieldGlobs) any(f *Facts) bool {
	for i := range f.e.Fields {
		if field := &f.e.Fields[i]; field.Name == m.name && m.globs.matchText(view(field.Value)) {
			return true
		}
	}
	return false
}
