package loki

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Config is the configuration of a sink for Loki.
type Config struct {
	URL      string            `yaml:"url"`    // of Loki: /loki/api/v1/push is added unless it has a path
	Tenant   string            `yaml:"tenant"` // header X-Scope-OrgID
	Labels   sink.StringList   `yaml:"labels"` // see labelNames; default agent, host, unit, container, framework
	Static   map[string]string `yaml:"static_labels"`
	JSON     bool              `yaml:"json"` // lines are the whole record as JSON instead of its message
	User     string            `yaml:"user"`
	Password sink.File         `yaml:"password_file"`
	Token    sink.File         `yaml:"token_file"` // bearer token
	TLS      *sink.TLS         `yaml:"tls"`
	NoMeta   bool              `yaml:"no_metadata"` // send no structured metadata, which Loki takes since 3.0
}

// labels are the labels that may be chosen: those whose values are few.
var labels = []struct {
	name string
	of   func(*sink.Record) string
}{
	{"agent", func(r *sink.Record) string { return r.Agent }},
	{"host", (*sink.Record).Host},
	{"unit", (*sink.Record).Unit},
	{"container", (*sink.Record).Container},
	{"framework", func(r *sink.Record) string { return r.Tag("framework_name") }},
	{"application", func(r *sink.Record) string { return r.Tag("application_name") }},
	{"identifier", (*sink.Record).Identifier},
	{"level", (*sink.Record).Level},
}

var validLabel = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// Check implements sinks.Type.
func (c *Config) Check() error {
	if err := sink.CheckURL("loki: url", c.URL, c.TLS); err != nil {
		return err
	}
	if c.Labels == nil {
		c.Labels = sink.StringList{"agent", "host", "unit", "container", "framework"}
	}
	var names []string
	for _, l := range labels {
		names = append(names, l.name)
	}
	for _, l := range c.Labels {
		if !slices.Contains(names, l) {
			return fmt.Errorf("loki: labels: unknown label %q: use some of %s", l, strings.Join(names, ", "))
		}
	}
	for l := range c.Static {
		if !validLabel.MatchString(l) || slices.Contains(c.Labels, l) {
			return fmt.Errorf("loki: static_labels: %q is not a name of its own for a label", l)
		}
	}
	if len(c.Labels)+len(c.Static) > 15 {
		return errors.New("loki: give at most 15 labels, as many as Loki takes")
	}
	if len(c.Labels)+len(c.Static) == 0 {
		return errors.New("loki: labels: give at least one")
	}
	return errors.Join(c.Password.Check("loki: password_file"), c.Token.Check("loki: token_file"))
}

// Limits implements sinks.Type. Loki takes lines of 256 KiB by default.
func (c *Config) Limits() sink.Limits {
	return sink.Limits{Records: 5000, Bytes: 1 << 20, Record: 250 << 10, Wait: time.Second}
}

// Target implements sinks.Type.
func (c *Config) Target() string { return c.URL }

// Encryption implements sinks.Encrypted.
func (c *Config) Encryption() *sink.TLS { return c.TLS }

// Open implements sinks.Type.
func (c *Config) Open() (sink.Sink, error) {
	client, err := sink.NewHTTPClient(c.TLS)
	if err != nil {
		return nil, fmt.Errorf("loki: %w", err)
	}
	target := c.URL
	if u, _ := url.Parse(c.URL); strings.Trim(u.Path, "/") == "" {
		target = strings.TrimSuffix(c.URL, "/") + "/loki/api/v1/push"
	}
	return &push{cfg: c, client: client, url: target}, nil
}

func (c *Config) header() (http.Header, error) {
	h := http.Header{"Content-Type": {"application/x-protobuf"}}
	if c.Tenant != "" {
		h.Set("X-Scope-OrgID", c.Tenant)
	}
	token, err := c.Token.Read()
	if err != nil {
		return nil, fmt.Errorf("token_file: %w", err)
	}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	if c.User != "" {
		password, err := c.Password.Read()
		if err != nil {
			return nil, fmt.Errorf("password_file: %w", err)
		}
		r := http.Request{Header: h}
		r.SetBasicAuth(c.User, password)
	}
	return h, nil
}
