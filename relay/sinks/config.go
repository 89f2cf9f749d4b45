package sinks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/api/regularfile"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Limits of a configuration.
const (
	maxConfig = 1 << 20 // bytes
	maxSinks  = 64
)

// File is a configuration file.
type File struct {
	Sinks []Config `yaml:"sinks"`
}

// Config is the configuration of one sink. The zero value of a field means its default.
type Config struct {
	Name   string          `yaml:"name"`   // part of the name of its consumer: a new name starts anew
	Filter Filter          `yaml:"filter"` // what is delivered; default everything
	Fields sink.StringList `yaml:"fields"` // patterns of the fields of entries that are delivered; default all
	Start  Start           `yaml:"start"`  // where a new sink begins: oldest (default), now, or a duration ago
	Batch  struct {
		Records int           `yaml:"records"`
		Bytes   sink.Bytes    `yaml:"bytes"`
		Wait    sink.Duration `yaml:"wait"`
	} `yaml:"batch"`
	MaxRecord sink.Bytes `yaml:"max_record"` // larger records are cut, and marked
	Retry     struct {
		Min    sink.Duration `yaml:"min"`     // first wait; default 500ms
		Max    sink.Duration `yaml:"max"`     // longest wait; default 1m
		GiveUp sink.Duration `yaml:"give_up"` // after which records become dead letters; default never
	} `yaml:"retry"`
	Timeout     sink.Duration `yaml:"timeout"`      // of one delivery; default 1m
	DeadLetters sink.Bytes    `yaml:"dead_letters"` // bound of their file; default 64MiB

	Types `yaml:",inline"`
}

// Type is the configuration of one kind of receiver.
type Type interface {
	Check() error             // says what is wrong with the configuration
	Limits() sink.Limits      // of batches and records by default
	Open() (sink.Sink, error) // connects to nothing yet
	Target() string           // where it delivers to, without secrets
}

// Encrypted is a Type whose connections may use TLS.
type Encrypted interface {
	Encryption() *sink.TLS // nil if it is not configured
}

// insecure reports whether a sink accepts any certificate.
func (c *Config) insecure() bool {
	_, t, _ := c.typ()
	e, ok := t.(Encrypted)
	return ok && e.Encryption() != nil && e.Encryption().Insecure
}

// target returns where a sink delivers to, and mentions if the receiver's certificate is
// not checked.
func (c *Config) target() string {
	_, t, _ := c.typ()
	if c.insecure() {
		return t.Target() + " (its certificate is not verified)"
	}
	return t.Target()
}

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// Load reads a configuration file. It returns an error that names the line or the sink for
// anything that it does not know, or that no sink could work with.
func Load(path string) (*File, error) {
	b, err := regularfile.Read(path, maxConfig)
	if err != nil {
		return nil, err
	}
	f, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Parse is Load for the content of a file.
func Parse(b []byte) (*File, error) {
	var f File
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(f.Sinks) > maxSinks {
		return nil, fmt.Errorf("%d sinks: give at most %d", len(f.Sinks), maxSinks)
	}
	seen := map[string]bool{}
	for i := range f.Sinks {
		c := &f.Sinks[i]
		if !validName.MatchString(c.Name) {
			return nil, fmt.Errorf("sink %d: name %q: use 1 to 32 lower-case letters, digits, '-' and '_'", i+1, c.Name)
		}
		if seen[c.Name] {
			return nil, fmt.Errorf("sink %s: the name is given twice", c.Name)
		}
		seen[c.Name] = true
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("sink %s: %w", c.Name, err)
		}
	}
	return &f, nil
}

func (c *Config) check() error {
	_, t, err := c.typ()
	if err != nil {
		return err
	}
	if c.Batch.Records < 0 || c.Batch.Records > 100_000 {
		return fmt.Errorf("batch: records: %d is not between 1 and 100000", c.Batch.Records)
	}
	if c.Batch.Bytes > 256<<20 {
		return errors.New("batch: bytes: give at most 256MiB")
	}
	if c.MaxRecord != 0 && c.MaxRecord < 1024 {
		return errors.New("max_record: give at least 1KiB")
	}
	if err := c.Filter.check(); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if err := t.Check(); err != nil {
		return err
	}
	s, err := t.Open() // reads certificates; connects to nothing
	if err != nil {
		return err
	}
	return s.Close()
}

// limits returns the limits of batches and records: those configured, else the type's.
func (c *Config) limits() sink.Limits {
	_, t, _ := c.typ()
	l := t.Limits()
	if c.Batch.Records > 0 {
		l.Records = c.Batch.Records
	}
	if c.Batch.Bytes > 0 {
		l.Bytes = int(c.Batch.Bytes)
	}
	if c.Batch.Wait > 0 {
		l.Wait = time.Duration(c.Batch.Wait)
	}
	if c.MaxRecord > 0 {
		l.Record = int(c.MaxRecord)
	}
	return l
}

// Start is where a sink without a position begins.
type Start struct {
	now bool          // with the entries that are shipped from now on
	ago time.Duration // with those shipped so long ago
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *Start) UnmarshalYAML(n *yaml.Node) error {
	switch n.Value {
	case "oldest", "":
		*s = Start{}
		return nil
	case "now":
		*s = Start{now: true}
		return nil
	}
	var d sink.Duration
	if err := d.UnmarshalYAML(n); err != nil {
		return fmt.Errorf("line %d: start: %q: write oldest, now, or a duration such as 1h", n.Line, n.Value)
	}
	*s = Start{ago: time.Duration(d)}
	return nil
}

// at returns the time that is meant, the zero time for the oldest entries.
func (s Start) at(now time.Time) time.Time {
	switch {
	case s.now:
		return now
	case s.ago > 0:
		return now.Add(-s.ago)
	}
	return time.Time{}
}
