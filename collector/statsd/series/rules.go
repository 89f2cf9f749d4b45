package series

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/api/glob"
)

// Rules rename, label or drop metrics by their names, as the mapping.yml of
// statsd_exporter does. The first mapping that matches applies. A match is a pattern
// (api/glob) whose wildcards match no dot. For the patterns of statsd_exporter, where
// each * is everything between two dots, the meaning is the same.
type Rules struct {
	rules []rule
}

type rule struct {
	match  glob.Pattern // of a name; * matches within a part between dots
	types  []byte       // nil for any
	drop   bool
	name   template
	labels []labelRule // by name
}

type labelRule struct {
	name  string
	value template
}

// mapping is one rule as written in the file. Options for statsd_exporter's own
// histograms and help texts are accepted and ignored: histograms are exponential here
// and need no buckets.
type mapping struct {
	Match      string            `yaml:"match"`
	MatchType  string            `yaml:"match_type"`
	MetricType string            `yaml:"match_metric_type"`
	Name       string            `yaml:"name"`
	Labels     map[string]string `yaml:"labels"`
	Action     string            `yaml:"action"`

	Help             any `yaml:"help"`
	ObserverType     any `yaml:"observer_type"`
	TimerType        any `yaml:"timer_type"`
	HistogramOptions any `yaml:"histogram_options"`
	SummaryOptions   any `yaml:"summary_options"`
	Buckets          any `yaml:"buckets"`
	Quantiles        any `yaml:"quantiles"`
}

// labelNames matches the label names that a rule may set.
var labelNames = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.-]*$`)

// ReadRules parses a YAML document of mappings. Its errors name the mapping.
func ReadRules(r io.Reader) (*Rules, error) {
	var file struct {
		Defaults any       `yaml:"defaults"`
		Mappings []mapping `yaml:"mappings"`
	}
	d := yaml.NewDecoder(r)
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("statsd rules: %w", err)
	}
	out := new(Rules)
	for i := range file.Mappings {
		rule, err := file.Mappings[i].compile()
		if err != nil {
			return nil, fmt.Errorf("statsd rules: mapping %d (%q): %w", i+1, file.Mappings[i].Match, err)
		}
		out.rules = append(out.rules, rule)
	}
	return out, nil
}

func (m *mapping) compile() (r rule, err error) {
	if m.Match == "" {
		return r, errors.New("match is missing")
	}
	if m.MatchType != "" && m.MatchType != "glob" {
		return r, fmt.Errorf("match_type %q: only glob is supported", m.MatchType)
	}
	r.match = glob.CompileParts(m.Match, '.')
	stars := r.match.Stars()
	switch m.MetricType {
	case "":
	case "counter":
		r.types = []byte("c")
	case "gauge":
		r.types = []byte("g")
	case "observer", "timer":
		r.types = []byte("mhd")
	case "set":
		r.types = []byte("s")
	default:
		return r, fmt.Errorf("match_metric_type %q is none of counter, gauge, observer, set", m.MetricType)
	}
	switch m.Action {
	case "drop":
		r.drop = true
		return r, nil
	case "", "map":
	default:
		return r, fmt.Errorf("action %q is neither map nor drop", m.Action)
	}
	if m.Name == "" {
		return r, errors.New("name is missing")
	}
	if r.name, err = newTemplate(m.Name, stars); err != nil {
		return r, err
	}
	for name, value := range m.Labels {
		if !labelNames.MatchString(name) {
			return r, fmt.Errorf("label %q: use letters, digits, dots, dashes and underscores, and begin with no digit", name)
		}
		t, err := newTemplate(value, stars)
		if err != nil {
			return r, err
		}
		r.labels = append(r.labels, labelRule{name, t})
	}
	slices.SortFunc(r.labels, func(a, b labelRule) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	return r, nil
}

// match returns the first rule for the name in f, or nil if there is none. It sets
// f.found to what each * of the rule stands for.
func (r *Rules) match(f *form, typ byte) (found *rule) {
	for i := range r.rules {
		rule := &r.rules[i]
		if rule.types != nil && bytes.IndexByte(rule.types, typ) < 0 {
			continue
		}
		var ok bool
		if f.found, ok = rule.match.Find(f.name, f.found[:0]); ok {
			return rule
		}
	}
	return nil
}
