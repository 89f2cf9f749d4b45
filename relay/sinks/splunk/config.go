package splunk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Config is the configuration of a sink for Splunk.
type Config struct {
	URL        string        `yaml:"url"` // such as https://splunk:8088
	Token      sink.File     `yaml:"token_file"`
	Raw        bool          `yaml:"raw"`         // send lines to /services/collector/raw instead of events
	Event      string        `yaml:"event"`       // "text" (default): the message, tags as fields; "json": the record
	Ack        bool          `yaml:"ack"`         // wait until the indexers have the events; the token must allow it
	AckTimeout sink.Duration `yaml:"ack_timeout"` // after which they are sent again; default 45s
	Index      string        `yaml:"index"`
	Source     string        `yaml:"source"`     // default: the unit or the program
	SourceType string        `yaml:"sourcetype"` // default daytwo, or daytwo:json
	TLS        *sink.TLS     `yaml:"tls"`
	NoGzip     bool          `yaml:"no_gzip"` // send requests uncompressed
}

// Check implements sinks.Type.
func (c *Config) Check() error {
	if err := sink.CheckURL("splunk: url", c.URL, c.TLS); err != nil {
		return err
	}
	if c.Token == "" {
		return errors.New("splunk: token_file: give a file with the token of the HTTP Event Collector")
	}
	if c.Event == "" {
		c.Event = "text"
	}
	if c.Event != "text" && c.Event != "json" {
		return fmt.Errorf("splunk: event: %q is neither text nor json", c.Event)
	}
	if c.SourceType == "" {
		c.SourceType = "daytwo"
		if c.Event == "json" || c.Raw {
			c.SourceType = "daytwo:json"
		}
	}
	return c.Token.Check("splunk: token_file")
}

// Limits implements sinks.Type. Splunk advises requests below 1 MB, and takes events of 5 MiB
// (maxEventSize of inputs.conf), in which a record has its metadata, too. Receivers of raw
// lines often take no line above 64 KiB, and OpenTelemetry's then loses the lines behind it.
func (c *Config) Limits() sink.Limits {
	l := sink.Limits{Records: 1000, Bytes: 1 << 20, Record: 4 << 20, Wait: time.Second}
	if c.Raw {
		l.Record = 40 << 10
	}
	return l
}

// Target implements sinks.Type.
func (c *Config) Target() string {
	if c.Index == "" {
		return c.URL
	}
	return c.URL + " index " + c.Index
}

// Encryption implements sinks.Encrypted.
func (c *Config) Encryption() *sink.TLS { return c.TLS }

// Open implements sinks.Type.
func (c *Config) Open() (sink.Sink, error) {
	client, err := sink.NewHTTPClient(c.TLS)
	if err != nil {
		return nil, fmt.Errorf("splunk: %w", err)
	}
	return &collector{cfg: c, client: client, base: strings.TrimSuffix(c.URL, "/"), channel: newChannel()}, nil
}

// newChannel returns an id for a channel: a random UUID.
func newChannel() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
