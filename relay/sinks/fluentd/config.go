package fluentd

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Config is the configuration of a sink for Fluentd.
type Config struct {
	Address   string        `yaml:"address"` // HOST:PORT
	Tag       string        `yaml:"tag"`     // {agent}, {unit}, {container}, {identifier} are replaced; default daytwo
	SharedKey sink.File     `yaml:"shared_key_file"`
	User      string        `yaml:"user"`
	Password  sink.File     `yaml:"password_file"`
	Hostname  string        `yaml:"hostname"` // that the handshake names; default daytwo
	TLS       *sink.TLS     `yaml:"tls"`
	NoAck     bool          `yaml:"no_ack"`      // do not wait for acknowledgements: what is lost on the way stays lost
	AckWithin sink.Duration `yaml:"ack_timeout"` // default 30s
	NoGzip    bool          `yaml:"no_gzip"`     // send chunks uncompressed
}

// Check implements sinks.Type.
func (c *Config) Check() error {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return fmt.Errorf("fluentd: address: %q is not HOST:PORT: %w", c.Address, err)
	}
	if c.Tag == "" {
		c.Tag = "daytwo"
	}
	if c.Hostname == "" {
		c.Hostname = "daytwo"
	}
	if c.User != "" && c.SharedKey == "" {
		return errors.New("fluentd: user: the protocol has users only together with a shared key: give shared_key_file")
	}
	return errors.Join(c.SharedKey.Check("fluentd: shared_key_file"), c.Password.Check("fluentd: password_file"))
}

// Limits implements sinks.Type. Fluentd's chunks have 8 MiB by default.
func (c *Config) Limits() sink.Limits {
	return sink.Limits{Records: 2000, Bytes: 4 << 20, Record: 8 << 20, Wait: time.Second}
}

// Target implements sinks.Type.
func (c *Config) Target() string { return c.Address + " tag " + c.Tag }

// Encryption implements sinks.Encrypted.
func (c *Config) Encryption() *sink.TLS { return c.TLS }

// Open implements sinks.Type.
func (c *Config) Open() (sink.Sink, error) {
	f := &forward{cfg: c, tag: newTagger(c.Tag)}
	if c.TLS != nil {
		var err error
		if f.tls, err = c.TLS.Config(); err != nil {
			return nil, fmt.Errorf("fluentd: %w", err)
		}
		if f.tls.ServerName == "" {
			f.tls.ServerName, _, _ = net.SplitHostPort(c.Address)
		}
	}
	return f, nil
}

// newTagger returns a function that makes the tag of a record from a template.
func newTagger(template string) func(*sink.Record) string {
	if !strings.Contains(template, "{") {
		return func(*sink.Record) string { return template }
	}
	return func(r *sink.Record) string {
		or := func(s string) string {
			if s == "" {
				return "none"
			}
			return s
		}
		return strings.NewReplacer("{agent}", r.Agent, "{unit}", or(r.Unit()), "{container}", or(r.Container()),
			"{identifier}", or(r.Identifier())).Replace(template)
	}
}
