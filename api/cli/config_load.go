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

// maxConfig is the largest configuration file, in bytes.
const maxConfig = 1 << 20

// envName returns the variable that sets a flag: DAYTWO_LOG_LEVEL for log-level.
func envName(flag string) string {
	return "DAYTWO_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// load completes the settings after the flags were parsed. A flag takes precedence
// over the environment, that over the file, and that over the default.
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
	c.Defaults = Defaults{Cluster: !fs.Changed("cluster"), NATS: !fs.Changed("nats")}
	if err := c.check(); err != nil {
		return err
	}
	if fs.Lookup("socket") == nil {
		return nil // the program has no socket
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

// plain removes the name of the function from an error of package strconv.
func plain(err error) error {
	if _, after, ok := strings.Cut(err.Error(), ": invalid syntax"); ok && after == "" {
		return errors.New("invalid syntax")
	}
	return err
}

// readConfig reads a YAML mapping of flag names to scalars or lists of scalars.
// Settings of other programs are allowed, as one file may serve all of them;
// unknown ones are an error.
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
		return nil, fmt.Errorf("line %d: this is not a mapping: write lines of `name: value`", root.Line)
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if !isSetting(key.Value) {
			return nil, fmt.Errorf("line %d: unknown key %q%s", key.Line, key.Value, didYouMean(key.Value, settingNames()))
		}
		if _, dup := settings[key.Value]; dup {
			return nil, fmt.Errorf("line %d: the key %q appears twice", key.Line, key.Value)
		}
		text, err := scalars(value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", value.Line, key.Value, err)
		}
		settings[key.Value] = text
	}
	return settings, nil
}

// scalars returns a value in the form that its flag takes; a list is joined by
// commas.
func scalars(n *yaml.Node) (string, error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		return n.Value, nil
	case n.Kind == yaml.SequenceNode:
		var items []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				return "", errors.New("write a list of plain values")
			}
			items = append(items, item.Value)
		}
		return strings.Join(items, ","), nil
	}
	return "", errors.New("write a value or a list of values")
}

func isSetting(name string) bool {
	for _, o := range configFlags {
		if o.name == name {
			return true
		}
	}
	return false
}

func settingNames() []string {
	var names []string
	for _, o := range configFlags {
		names = append(names, o.name)
	}
	return names
}
