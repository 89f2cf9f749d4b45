package rules

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/docker/go-units"
	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/api/glob"
)

// decode reads a YAML mapping into a struct. Errors name the line. Keys that the struct
// does not have are an error, and so are keys without a value.
func decode(n *yaml.Node, into any) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: write a mapping of %s", n.Line, strings.Join(keysOf(into), ", "))
	}
	v := reflect.ValueOf(into).Elem()
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for j := 0; j < i; j += 2 {
			if n.Content[j].Value == key.Value {
				return fmt.Errorf("line %d: the key %q appears twice", key.Line, key.Value)
			}
		}
		field := fieldOf(v, key.Value)
		if !field.IsValid() {
			return fmt.Errorf("line %d: unknown key %q: use %s", key.Line, key.Value, strings.Join(keysOf(into), ", "))
		}
		if value.Kind == yaml.ScalarNode && value.Tag == "!!null" {
			return fmt.Errorf("line %d: %s has no value", key.Line, key.Value)
		}
		if err := value.Decode(field.Addr().Interface()); err != nil {
			if strings.HasPrefix(err.Error(), "line ") {
				return err
			}
			return fmt.Errorf("line %d: %s: %s", value.Line, key.Value, readable(err))
		}
	}
	return nil
}

// fieldOf returns the field of a struct that has a key.
func fieldOf(v reflect.Value, key string) reflect.Value {
	for i := range v.NumField() {
		if tag := v.Type().Field(i).Tag.Get("yaml"); tag != "" && tag == key {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

func keysOf(into any) (keys []string) {
	t := reflect.TypeOf(into).Elem()
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

var (
	goType = regexp.MustCompile("(?s)^yaml: unmarshal errors:\n  (line \\d+: )?cannot unmarshal \\S+ (`.*`)? ?into " +
		"(\\S+).*")
	kinds = map[string]string{"int": "a whole number", "float64": "a number", "string": "text"}
)

// readable says what package yaml says with the names of Go types.
func readable(err error) string {
	m := goType.FindStringSubmatch(err.Error())
	if m == nil {
		return strings.TrimPrefix(err.Error(), "yaml: ")
	}
	want, ok := kinds[m[3]]
	if !ok {
		want = "a list"
	}
	return strings.TrimSpace("write " + want + ", not " + m[2])
}

// globs is one pattern (package glob) or a list of them, of which one must match.
type globs []glob.Pattern

// UnmarshalYAML implements yaml.Unmarshaler.
func (g *globs) UnmarshalYAML(n *yaml.Node) error {
	list, err := texts(n)
	for _, text := range list {
		*g = append(*g, glob.Compile(text))
	}
	return err
}

// texts returns a text as a list of one, or a list of texts.
func texts(n *yaml.Node) (list []string, err error) {
	items := n.Content
	if n.Kind != yaml.SequenceNode {
		items = []*yaml.Node{n}
	}
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			return nil, fmt.Errorf("line %d: write text, or a list of texts", item.Line)
		}
		list = append(list, item.Value)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("line %d: the list is empty", n.Line)
	}
	return list, nil
}

// match reports whether one of the patterns matches; a missing text matches none.
func (g globs) match(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	return g.matchText(view(b))
}

func (g globs) matchText(s string) bool {
	for i := range g {
		if g[i].Match(s) {
			return true
		}
	}
	return false
}

// expression is a regular expression (RE2).
type expression struct{ *regexp.Regexp }

// UnmarshalYAML implements yaml.Unmarshaler.
func (e *expression) UnmarshalYAML(n *yaml.Node) (err error) {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: write a regular expression", n.Line)
	}
	if e.Regexp, err = regexp.Compile(n.Value); err != nil {
		return fmt.Errorf("line %d: %w (the syntax is that of https://github.com/google/re2/wiki/Syntax)", n.Line, err)
	}
	return nil
}

// size is a number of bytes, with or without a unit (powers of 1024).
type size int64

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *size) UnmarshalYAML(n *yaml.Node) error {
	v, err := units.RAMInBytes(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < 1 {
		return fmt.Errorf("line %d: %q is not a size: write bytes, or 512KiB, 4MiB", n.Line, n.Value)
	}
	*s = size(v)
	return nil
}

// duration is a time span such as 500ms, 10s, 5m.
type duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v <= 0 {
		return fmt.Errorf("line %d: %q is not a duration: write 500ms, 10s or 5m", n.Line, n.Value)
	}
	*d = duration(v)
	return nil
}
