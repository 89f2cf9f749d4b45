package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Error is a mistake in a policy file.
type Error struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line"`
	Message string `json:"message"` // says what is allowed
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message) }

// Errors are the mistakes of a file, in the order of their lines; at least one.
type Errors []*Error

// Error implements error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// maxErrors bounds how many mistakes of a file are collected.
const maxErrors = 50

// mistakes collects the mistakes of a file.
type mistakes struct {
	file string
	list Errors
}

func (m *mistakes) add(line int, format string, args ...any) {
	if len(m.list) < maxErrors {
		m.list = append(m.list, &Error{m.file, max(line, 1), fmt.Sprintf(format, args...)})
	}
}

func (m *mistakes) err() error {
	if len(m.list) == 0 {
		return nil
	}
	slices.SortStableFunc(m.list, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	return m.list
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax adds what package yaml says of a text.
func (m *mistakes) syntax(err error) {
	found := yamlLine.FindStringSubmatch(err.Error())
	if found == nil {
		m.add(1, "%v", err)
		return
	}
	line, _ := strconv.Atoi(found[1])
	m.add(line, "this is no YAML: %s", err.Error()[len(found[0]):])
}

// field is a key of a mapping and how its value is read.
type field struct {
	name string
	read func(key, value *yaml.Node)
}

// mapping reads a mapping with some keys, each at most once.
func (m *mistakes) mapping(n *yaml.Node, what string, fields ...field) {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	m.pairs(n, what+" with "+strings.Join(names, ", "), func(k, v *yaml.Node) {
		i := slices.Index(names, k.Value)
		if i < 0 {
			m.add(k.Line, "unknown key %q: %s has %s", k.Value, what, strings.Join(names, ", "))
			return
		}
		fields[i].read(k, v)
	})
}

// pairs calls fn with the keys and values of a mapping.
func (m *mistakes) pairs(n *yaml.Node, what string, fn func(k, v *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		m.add(n.Line, "write %s, as a mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.Kind != yaml.ScalarNode || k.Tag == "!!null" || k.Tag == "!!merge":
			m.add(k.Line, "a key of %s is no text", what)
		case seen[k.Value]:
			m.add(k.Line, "the key %q appears twice", k.Value)
		case missing(v):
			m.add(k.Line, "%s has no value", k.Value)
		default:
			seen[k.Value] = true
			fn(k, v)
		}
	}
}

// items calls fn with the items of a list.
func (m *mistakes) items(n *yaml.Node, what string, fn func(item *yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		m.add(n.Line, "write a list of %s", what)
		return
	}
	for _, item := range n.Content {
		fn(item)
	}
}

// texts calls fn with a text, or with the texts of a list, which must not be empty.
func (m *mistakes) texts(n *yaml.Node, what string, fn func(text *yaml.Node)) {
	items := n.Content
	if n.Kind != yaml.SequenceNode {
		items = []*yaml.Node{n}
	} else if len(items) == 0 {
		m.add(n.Line, "the list of %s is empty", what)
	}
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || missing(item) {
			m.add(item.Line, "write %s as text, or as a list of texts", what)
			continue
		}
		fn(item)
	}
}

func missing(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// plain reports whether a document uses nothing of YAML that makes one place mean another:
// no aliases.
func (m *mistakes) plain(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		m.add(n.Line, "anchors and aliases are not allowed here: write it out")
		return false
	}
	for _, c := range n.Content {
		if !m.plain(c) {
			return false
		}
	}
	return true
}
