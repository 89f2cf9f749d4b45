package cli

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/plaintext"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/unixsocket"
)

// check completes the settings, makes the logger, and returns an error for a
// setting that no program could use.
func (c *Config) check() error {
	if c.Data == "" {
		c.Data = DefaultData()
	}
	if c.Metrics == "none" {
		c.Metrics = ""
	}
	if c.Socket == "" {
		c.Socket = filepath.Join(c.Data, launch.SocketName)
	}
	if len(c.Statsd.Listen) == 1 && c.Statsd.Listen[0] == "none" {
		c.Statsd.Listen = nil
	}
	if len(c.Journal) == 1 && c.Journal[0] == "none" {
		c.Journal = nil
	}
	if len(c.NATS) == 1 && c.NATS[0] == "none" {
		c.NATS = nil
	}
	if c.ShipRules != "" && !c.ShipLogs {
		return fmt.Errorf("ship-rules: rules are for --ship-logs, which is not given")
	}
	if err := checkAddress("listen", c.Listen); err != nil {
		return err
	}
	if err := c.Access.check(); err != nil {
		return err
	}
	if c.NATSListen != "" {
		if err := checkAddress("nats-listen", c.NATSListen); err != nil {
			return err
		}
	}
	if c.Metrics != "" {
		if err := checkAddress("metrics", c.Metrics); err != nil {
			return err
		}
		if host, _, _ := net.SplitHostPort(c.Metrics); !setting.IsLoopback(host) {
			return fmt.Errorf("metrics: %s is not a loopback address, and this page requires no token: "+
				"use 127.0.0.1:PORT, or scrape the relay's /fleet/metrics", c.Metrics)
		}
	}
	if c.AgentID != "" {
		if err := setting.CheckAgentID(c.AgentID); err != nil {
			return fmt.Errorf("agent-id: %w", err)
		}
	}
	if err := setting.CheckCluster(c.Cluster); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	switch {
	case c.Interval < setting.MinInterval || c.Interval > setting.MaxInterval:
		return fmt.Errorf("interval: %v is not between 100ms and 1h", c.Interval)
	case c.Shards < 1 || c.Shards > setting.MaxShards:
		return fmt.Errorf("shards: %d is not between 1 and %d", c.Shards, setting.MaxShards)
	case c.Replicas != 1 && c.Replicas != 3 && c.Replicas != 5:
		return fmt.Errorf("nats-replicas: %d is not 1, 3 or 5", c.Replicas)
	case (c.NATSCert == "") != (c.NATSKey == ""):
		return fmt.Errorf("nats-cert and nats-key must be set together")
	case c.NodeValidity < time.Second:
		return fmt.Errorf("node-validity: %v is less than a second", c.NodeValidity)
	case c.Join.Code != "" && c.Join.Relay == "":
		return fmt.Errorf("code: an enrolment code is for --join URL, which is not given")
	case c.Statsd.Budget < 1:
		return fmt.Errorf("statsd-budget: %d is less than 1", c.Statsd.Budget)
	case c.Statsd.Series < 1:
		return fmt.Errorf("statsd-series: %d is less than 1", c.Statsd.Series)
	case c.LogFormat != "text" && c.LogFormat != "json":
		return fmt.Errorf("log-format: %q is neither text nor json", c.LogFormat)
	}
	h := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		c.Log = slog.New(slog.NewJSONHandler(os.Stderr, h))
	} else {
		c.Log = slog.New(slog.NewTextHandler(os.Stderr, h))
	}
	return nil
}

// exposures returns what others on the network could do with what a program listens on and
// connects to.
func (c *Config) exposures(in program) (all []plaintext.Exposure, err error) {
	if in != collector {
		// 'daytwo up' makes a certificate where it lets other machines in.
		all = plaintext.Listen(c.Listen, c.Access.Certificate != "" || in == up && c.NATSListen != "")
	}
	if in != relay {
		return all, nil // a collector may have been enrolled, and says itself what it lacks
	}
	nats, err := plaintext.Client{URLs: strings.Join(c.NATS, ","), TLS: c.NATSCA != "" || c.NATSCert != "",
		Authenticated: c.NATSCreds != "" || c.NATSCert != ""}.Exposures()
	return append(all, nats...), err
}

// check returns an error for settings that do not go together.
func (a *Access) check() error {
	switch {
	case (a.Certificate == "") != (a.Key == ""):
		return fmt.Errorf("tls-cert and tls-key must be set together")
	case a.ClientCA != "" && a.Certificate == "":
		return fmt.Errorf("tls-client-ca: client certificates require TLS: give --tls-cert and --tls-key too")
	case len(a.JWTKeys) == 0 && (a.JWTIssuer != "" || a.JWTAudience != ""):
		return fmt.Errorf("jwt-issuer and jwt-audience are for the tokens of --jwt-keys, which is not given")
	case a.OIDCIssuer != "" && a.OIDCClientID == "":
		return fmt.Errorf("oidc-client-id: the identity provider knows the relay by it: give it with oidc-issuer")
	case a.OIDCIssuer == "" && (a.OIDCClientID != "" || a.OIDCClientSecret != "" || a.OIDCCA != ""):
		return fmt.Errorf("oidc-client-id, oidc-client-secret-file and oidc-ca are for the provider of oidc-issuer, " +
			"which is not given")
	}
	return nil
}

// checkSocket returns an error for a path that no unix socket can have.
func (c *Config) checkSocket() error {
	err := unixsocket.CheckPath(c.Socket)
	switch {
	case err == nil:
		return nil
	case c.Socket == filepath.Join(c.Data, launch.SocketName):
		return fmt.Errorf("socket: %w: give --socket a shorter path, or --data a shorter directory", err)
	}
	return fmt.Errorf("socket: %w: give --socket a shorter path", err)
}

func checkAddress(key, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%s: %q is not HOST:PORT, such as %s (%v)", key, address, setting.Listen, err)
	}
	return nil
}
