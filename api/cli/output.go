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

// output is the form that a command answers in.
type output struct {
	format  string
	json    bool // --json, as the dcos command line has it
	formats []string
}

// outputFlags registers -o; the first format is the default, and "" stands for
// "the command decides".
func outputFlags(fs *pflag.FlagSet, formats ...string) *output {
	o := &output{formats: formats}
	var named []string
	for _, f := range formats {
		if f != "" {
			named = append(named, f)
		}
	}
	fs.StringVarP(&o.format, "output", "o", formats[0], "answer as `FORMAT`: "+strings.Join(named, ", "))
	fs.BoolVar(&o.json, "json", false, "the same as -o json")
	return o
}

func (o *output) check() error {
	if o.json {
		o.format = "json"
	}
	if !slices.Contains(o.formats, o.format) {
		return usageError{fmt.Errorf("-o %s: want one of %s", o.format, strings.TrimPrefix(strings.Join(o.formats, ", "), ", "))}
	}
	return nil
}

// data tells whether the answer is for programs.
func (o *output) data() bool { return o.format == "json" || o.format == "yaml" }

// wide tells whether a table shows more columns.
func (o *output) wide() bool { return o.format == "wide" }

// print writes v for programs. YAML has JSON's names.
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

func blockStyle(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle
	if n.Kind == yaml.ScalarNode {
		n.Style = 0
	}
	for _, c := range n.Content {
		blockStyle(c)
	}
}

// nonNil makes an empty list print as [] and not as null.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
