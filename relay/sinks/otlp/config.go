package otlp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Config is the configuration of a sink for OpenTelemetry's protocol.
type Config struct {
	URL     string               `yaml:"url"`          // of HTTP: /v1/logs is added unless it has a path
	GRPC    string               `yaml:"grpc"`         // HOST:PORT, instead of url
	Headers map[string]sink.File `yaml:"header_files"` // files with the values of headers, such as authorization
	TLS     *sink.TLS            `yaml:"tls"`          // gRPC without it is not encrypted
	NoGzip  bool                 `yaml:"no_gzip"`
}

// Check implements sinks.Type.
func (c *Config) Check() error {
	var errs []error
	switch {
	case (c.URL == "") == (c.GRPC == ""):
		return errors.New("otlp: give url or grpc")
	case c.URL != "":
		if err := sink.CheckURL("otlp: url", c.URL, c.TLS); err != nil {
			return err
		}
	default:
		if _, _, err := net.SplitHostPort(c.GRPC); err != nil {
			return fmt.Errorf("otlp: grpc: %q is not HOST:PORT: %w", c.GRPC, err)
		}
	}
	for name, f := range c.Headers {
		errs = append(errs, f.Check("otlp: header_files: "+name))
	}
	return errors.Join(errs...)
}

// Limits implements sinks.Type. A gRPC server takes 4 MiB by default.
func (c *Config) Limits() sink.Limits {
	return sink.Limits{Records: 2000, Bytes: 1 << 20, Record: 2 << 20, Wait: time.Second}
}

// Target implements sinks.Type.
func (c *Config) Target() string {
	if c.GRPC != "" {
		return "grpc://" + c.GRPC
	}
	return c.URL
}

// headers returns the headers with their values as they are now.
func (c *Config) headers() (map[string]string, error) {
	all := map[string]string{}
	for name, f := range c.Headers {
		v, err := f.Read()
		if err != nil {
			return nil, fmt.Errorf("header_files: %w", err)
		}
		all[name] = v
	}
	return all, nil
}

// Encryption implements sinks.Encrypted.
func (c *Config) Encryption() *sink.TLS { return c.TLS }

// Open implements sinks.Type.
func (c *Config) Open() (sink.Sink, error) {
	if c.GRPC == "" {
		client, err := sink.NewHTTPClient(c.TLS)
		if err != nil {
			return nil, fmt.Errorf("otlp: %w", err)
		}
		target := c.URL
		if u, _ := url.Parse(c.URL); strings.Trim(u.Path, "/") == "" {
			target = strings.TrimSuffix(c.URL, "/") + "/v1/logs"
		}
		return &exporter{cfg: c, send: c.overHTTP(client, target), end: client.CloseIdleConnections}, nil
	}
	creds := insecure.NewCredentials()
	if c.TLS != nil {
		cfg, err := c.TLS.Config()
		if err != nil {
			return nil, fmt.Errorf("otlp: %w", err)
		}
		creds = credentials.NewTLS(cfg)
	}
	conn, err := grpc.NewClient(c.GRPC, grpc.WithTransportCredentials(creds), grpc.WithUserAgent("daytwo"))
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	return &exporter{cfg: c, send: c.overGRPC(conn), end: func() { _ = conn.Close() }}, nil
}

// sender sends an encoded or a decoded request; the first result is nil if the records are
// to be tried again or split, as the second one says.
type sender func(ctx context.Context, req *request) (*response, sink.Result)
