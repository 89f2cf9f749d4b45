package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// maxConfig bounds a configuration file, in bytes.
const maxConfig = 1 << 20

// envName is the variable that sets a flag: DAYTWO_LOG_LEVEL for log-level.
func envName(flag string) string {
	return "DAYTWO_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// load completes parsed flags: a flag that is given wins over the environment,
// that over the file, that over the default.
func (c *Config) load(fs *pflag.FlagSet) error {
	path, from := c.explicitConfig, "--config"
	if v, ok := os.LookupEnv(envName("config")); ok && !fs.Changed("config") {
		path, from = v, envName("config")
	}
	file := map[string]string{}
	if path != "" {
		var err error
		if file, err = readConfig(path); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
	}
	var err error
	fs.VisitAll(func(f *pflag.Flag) {
		if err != nil || f.Changed || f.Name == "config" || f.Name == "help" {
			return
		}
		if v, ok := os.LookupEnv(envName(f.Name)); ok {
			err = setFlag(fs, f, v, envName(f.Name))
		} else if v, ok := file[f.Name]; ok {
			err = setFlag(fs, f, v, path+": "+f.Name)
		}
	})
	if err != nil {
		return err
	}
	c.Statsd.Defaults = !fs.Changed("statsd")
	if err := c.check(); err != nil {
		return err
	}
	if fs.Lookup("socket") == nil {
		return nil // the program listens on none
	}
	return c.checkSocket()
}

func setFlag(fs *pflag.FlagSet, f *pflag.Flag, value, from string) error {
	if err := f.Value.Set(value); err != nil {
		return fmt.Errorf("%s: %q: %w", from, value, plain(err))
	}
	f.Changed = true
	return nil
}

// plain drops the parser's name from strconv's errors.
func plain(err error) error {
	if _, after, ok := strings.Cut(err.Error(), ": invalid syntax"); ok && after == "" {
		return errors.New("invalid syntax")
	}
	return err
}

// readConfig reads a YAML mapping of flag names to scalars or lists of them. A
// key of another program is fine: one file may serve all; one that no program
// knows is not.
func readConfig(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxConfig {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxConfig)
	}
	settings, err := parseConfig(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return settings, nil
}

func parseConfig(b []byte) (map[string]string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	settings := map[string]string{}
	if len(doc.Content) == 0 { // an empty file
		return settings, nil
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return settings, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: want lines of `name: value`", root.Line)
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if !isOption(key.Value) {
			return nil, fmt.Errorf("line %d: unknown key %q%s", key.Line, key.Value, didYouMean(key.Value, optionNames()))
		}
		if _, dup := settings[key.Value]; dup {
			return nil, fmt.Errorf("line %d: key %q is there twice", key.Line, key.Value)
		}
		text, err := scalars(value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", value.Line, key.Value, err)
		}
		settings[key.Value] = text
	}
	return settings, nil
}

// scalars is a value as a flag takes it; a list is joined by commas.
func scalars(n *yaml.Node) (string, error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		return n.Value, nil
	case n.Kind == yaml.SequenceNode:
		var items []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				return "", errors.New("want a list of plain values")
			}
			items = append(items, item.Value)
		}
		return strings.Join(items, ","), nil
	}
	return "", errors.New("want a value or a list of values")
}

func isOption(name string) bool {
	for _, o := range options {
		if o.name == name {
			return true
		}
	}
	return false
}

func optionNames() []string {
	var names []string
	for _, o := range options {
		names = append(names, o.name)
	}
	return names
}
