package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// output holds the flags that say in which format a command prints.
type output struct {
	format  string
	json    bool // --json, as in the dcos command line
	formats []string
}

// outputFlags registers -o and --json. The first format is the default; "" lets the
// command choose.
func outputFlags(fs *pflag.FlagSet, formats ...string) *output {
	o := &output{formats: formats}
	var named []string
	for _, f := range formats {
		if f != "" {
			named = append(named, f)
		}
	}
	fs.StringVarP(&o.format, "output", "o", formats[0], "print in `FORMAT`: "+strings.Join(named, ", "))
	fs.BoolVar(&o.json, "json", false, "same as -o json")
	return o
}

// check returns an error for a format that the command does not have.
func (o *output) check() error {
	if o.json {
		o.format = "json"
	}
	if !slices.Contains(o.formats, o.format) {
		formats := strings.TrimPrefix(strings.Join(o.formats, ", "), ", ")
		return usageError{fmt.Errorf("-o %s: give one of %s", o.format, formats)}
	}
	return nil
}

// data reports whether the format is for programs.
func (o *output) data() bool { return o.format == "json" || o.format == "yaml" }

// wide reports whether a table has all its columns.
func (o *output) wide() bool { return o.format == "wide" }

// print writes v as JSON, or as YAML with the same names.
func (o *output) print(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if o.format == "yaml" {
		var node yaml.Node // keeps the order of fields
		if err := yaml.Unmarshal(b, &node); err != nil {
			return err
		}
		blockStyle(&node)
		b, err = yaml.Marshal(&node)
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// blockStyle makes a YAML document one value per line.
func blockStyle(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle
	if n.Kind == yaml.ScalarNode {
		n.Style = 0
	}
	for _, c := range n.Content {
		blockStyle(c)
	}
}

// nonNil returns a list that is printed as [] if it is empty, and not as null.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
