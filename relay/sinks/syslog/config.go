package syslog

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Config is the configuration of a sink for syslog.
type Config struct {
	Address  string    `yaml:"address"`  // HOST:PORT
	Protocol string    `yaml:"protocol"` // tcp (default), tls, udp
	Framing  string    `yaml:"framing"`  // octets (default), or lf: a line feed ends a message, and one in it becomes #012
	Facility string    `yaml:"facility"` // of entries without SYSLOG_FACILITY; default user
	BOM      bool      `yaml:"bom"`      // mark text as UTF-8, which RFC 5424 wants and few receivers strip
	TLS      *sink.TLS `yaml:"tls"`
}

// facilities are the names of RFC 5424, section 6.2.1, as rsyslog writes them.
var facilities = []string{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
	"ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
	"local7"}

// Check implements sinks.Type.
func (c *Config) Check() error {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return fmt.Errorf("syslog: address: %q is not HOST:PORT: %w", c.Address, err)
	}
	if c.Protocol == "" {
		c.Protocol = "tcp"
		if c.TLS != nil {
			c.Protocol = "tls"
		}
	}
	if c.Framing == "" {
		c.Framing = "octets"
	}
	if c.Facility == "" {
		c.Facility = "user"
	}
	switch {
	case !slices.Contains([]string{"tcp", "tls", "udp"}, c.Protocol):
		return fmt.Errorf("syslog: protocol: %q is none of tcp, tls, udp", c.Protocol)
	case c.TLS != nil && c.Protocol != "tls":
		return fmt.Errorf("syslog: tls is set, but the protocol is %s", c.Protocol)
	case c.Framing != "octets" && c.Framing != "lf":
		return fmt.Errorf("syslog: framing: %q is neither octets nor lf", c.Framing)
	case !slices.Contains(facilities, c.Facility):
		return fmt.Errorf("syslog: facility: %q is none of %s", c.Facility, strings.Join(facilities, ", "))
	}
	return nil
}

// Limits implements sinks.Type. RFC 5425 wants receivers to take 8192 octets, as rsyslog does
// unless it is told otherwise: what is more it drops without a word. RFC 5426 wants 2048.
func (c *Config) Limits() sink.Limits {
	l := sink.Limits{Records: 1000, Bytes: 1 << 20, Record: 8 << 10, Wait: 500 * time.Millisecond}
	if c.Protocol == "udp" {
		l.Record = 2048
	}
	return l
}

// Target implements sinks.Type.
func (c *Config) Target() string { return c.Protocol + "://" + c.Address }

// Encryption implements sinks.Encrypted.
func (c *Config) Encryption() *sink.TLS { return c.TLS }

// Open implements sinks.Type.
func (c *Config) Open() (sink.Sink, error) {
	s := &sender{cfg: c, facility: slices.Index(facilities, c.Facility)}
	if c.Protocol == "tls" {
		var err error
		if s.tls, err = c.TLS.Config(); err != nil {
			return nil, fmt.Errorf("syslog: %w", err)
		}
		if s.tls.ServerName == "" {
			s.tls.ServerName, _, _ = net.SplitHostPort(c.Address)
		}
	}
	return s, nil
}
