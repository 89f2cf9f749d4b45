package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/glob"
)

// condition is one key of where, as the file has it: a tag must match one of the texts.
type condition struct {
	name  string // of the key in the file
	key   key
	texts []template
}

// template is a pattern that may contain ${user} and ${group}.
type template struct {
	parts []string // literal pattern, variable, literal pattern, …
}

// variables are what templates may contain.
const (
	varUser  = "user"
	varGroup = "group"
)

// parseTemplate parses a pattern.
func parseTemplate(s string) (t template, err error) {
	if s == "" {
		return t, errors.New("an empty pattern matches nothing")
	}
	for {
		before, after, ok := strings.Cut(s, "${")
		t.parts = append(t.parts, before)
		if !ok {
			return t, nil
		}
		name, rest, ok := strings.Cut(after, "}")
		if !ok || name != varUser && name != varGroup {
			return t, fmt.Errorf("unknown variable in %q: use ${user} or ${group}", s)
		}
		t.parts = append(t.parts, name)
		s = rest
	}
}

func (t template) has(variable string) bool {
	for i := 1; i < len(t.parts); i += 2 {
		if t.parts[i] == variable {
			return true
		}
	}
	return false
}

// fill returns the pattern for a user and a group. Their names stand for themselves, even
// if they contain characters that have a meaning in patterns.
func (t template) fill(user, group string) string {
	var b strings.Builder
	for i, part := range t.parts {
		switch {
		case i%2 == 0:
			b.WriteString(part)
		case part == varUser:
			b.WriteString(glob.Quote(user))
		default:
			b.WriteString(glob.Quote(group))
		}
	}
	return b.String()
}

// expand returns the patterns of a condition for a principal: those with ${group} once for
// each of its groups.
func (c *condition) expand(p *auth.Principal, groups []string) (patterns []string) {
	for _, t := range c.texts {
		if !t.has(varGroup) {
			patterns = append(patterns, t.fill(p.Name(), ""))
			continue
		}
		for _, g := range groups {
			patterns = append(patterns, t.fill(p.Name(), g))
		}
	}
	return patterns
}

// applicationPatterns are the patterns of what DC/OS' app_id:/group means: the application
// or group itself, and all below it. A runtime other than Mesos may leave out the first
// slash.
func applicationPatterns(path string) []template {
	if path == "/" {
		return []template{{parts: []string{"*"}}}
	}
	q := glob.Quote(path)
	bare := strings.TrimPrefix(q, "/")
	var all []template
	for _, pattern := range []string{q, q + "/*", bare, bare + "/*"} {
		all = append(all, template{parts: []string{pattern}})
	}
	return all
}
