package rules

import (
	"errors"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// Limits of a document.
const (
	MaxBytes = 1 << 20
	maxRules = 1000 // in one section
)

// Rules is a document of rules. The zero value ships everything unchanged. It is
// immutable; a Filter applies it.
type Rules struct {
	Filter []filterRule `yaml:"filter"`
	Join   []joinRule   `yaml:"join"`
	Sample []sampleRule `yaml:"sample"`
	Rate   []rateRule   `yaml:"rate"`
	Redact []redaction  `yaml:"redact"`
	Fields fieldLists   `yaml:"fields"`
}

// Parse reads a document. Its errors name the line.
func Parse(b []byte) (*Rules, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("the rules are larger than %d bytes", MaxBytes)
	}
	r := new(Rules)
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, errors.New(readable(err))
	}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" { // an empty file
		return r, nil
	}
	if err := decode(doc.Content[0], r); err != nil {
		return nil, err
	}
	for _, n := range []int{len(r.Filter), len(r.Join), len(r.Sample), len(r.Rate), len(r.Redact)} {
		if n > maxRules {
			return nil, fmt.Errorf("%d rules in one section: give at most %d", n, maxRules)
		}
	}
	return r, nil
}

// filterRule ships the entries that it selects, or does not. The first rule that selects
// an entry decides; an entry that none selects is shipped.
type filterRule struct {
	Keep *selector `yaml:"keep"`
	Drop *selector `yaml:"drop"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *filterRule) UnmarshalYAML(n *yaml.Node) error {
	if err := decode(n, r); err != nil {
		return err
	}
	if (r.Keep == nil) == (r.Drop == nil) {
		return fmt.Errorf("line %d: write one of keep and drop in each rule of filter", n.Line)
	}
	return nil
}

// joinRule joins lines of one writer to one entry. The first rule that selects an entry
// counts.
type joinRule struct {
	Select   selector   `yaml:"select"`
	Start    expression `yaml:"start"`     // the message that begins an entry
	Continue expression `yaml:"continue"`  // or the one that continues it
	MaxLines int        `yaml:"max_lines"` // default 500
	MaxBytes size       `yaml:"max_bytes"` // default 256 KiB
	Idle     duration   `yaml:"idle"`      // how long to wait for the next line; default 1 s
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *joinRule) UnmarshalYAML(n *yaml.Node) error {
	*r = joinRule{MaxLines: 500, MaxBytes: 256 << 10, Idle: duration(time.Second)}
	if err := decode(n, r); err != nil {
		return err
	}
	switch {
	case (r.Start.Regexp == nil) == (r.Continue.Regexp == nil):
		return fmt.Errorf("line %d: write one of start and continue in each rule of join", n.Line)
	case r.MaxLines < 2 || r.MaxLines > 100_000:
		return fmt.Errorf("line %d: max_lines: %d is not between 2 and 100000", n.Line, r.MaxLines)
	case r.MaxBytes > 4<<20:
		return fmt.Errorf("line %d: max_bytes: give at most 4MiB", n.Line)
	case time.Duration(r.Idle) > time.Minute:
		return fmt.Errorf("line %d: idle: give at most 1m", n.Line)
	}
	return nil
}

// sampleRule ships one of so many entries of each source. The first rule that selects an
// entry counts.
type sampleRule struct {
	Select selector `yaml:"select"`
	OneIn  int      `yaml:"one_in"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *sampleRule) UnmarshalYAML(n *yaml.Node) error {
	if err := decode(n, r); err != nil {
		return err
	}
	if r.OneIn < 2 {
		return fmt.Errorf("line %d: one_in: give a whole number from 2: one of so many entries is shipped", n.Line)
	}
	return nil
}

// rateRule limits the entries of each source by the time in the entries, so that what
// waited for NATS is not limited more. The first rule that selects an entry counts.
type rateRule struct {
	Select    selector `yaml:"select"`
	PerSecond float64  `yaml:"per_second"`
	Burst     int      `yaml:"burst"` // default: what comes in ten seconds
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *rateRule) UnmarshalYAML(n *yaml.Node) error {
	if err := decode(n, r); err != nil {
		return err
	}
	if !(r.PerSecond > 0 && r.PerSecond <= 1e9) || r.Burst < 0 || r.Burst > 1e9 {
		return fmt.Errorf("line %d: rate: give per_second, a number of entries above 0, and perhaps burst", n.Line)
	}
	if r.Burst == 0 {
		r.Burst = max(1, int(10*r.PerSecond))
	}
	return nil
}
