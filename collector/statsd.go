package collector

import (
	"net"
	"net/http"
	"path/filepath"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/bounded"
	"github.com/daytwo/daytwo/collector/statsd"
	"github.com/daytwo/daytwo/collector/statsd/origin"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

// Statsd configures where a collector listens for StatsD, and how many series it
// keeps. The zero value of a field means its default.
type Statsd struct {
	Listen   []string // addresses, as statsd.ParseListener reads them; none = no StatsD
	Optional bool     // skip the addresses of Listen that another process uses

	// Ports of containers; default launch.DefaultPorts, or another range if the
	// kernel hands those ports to clients.
	Ports     launch.PortRange
	RulesFile string       // mappings in statsd_exporter's format; "" = none
	Budget    int          // most series of one container; default setting.StatsdBudget
	Series    int          // most series of all containers; default setting.StatsdSeries
	Expiry    StatsdExpiry // how long series without samples are kept; default setting.StatsdExpiry
}

// StatsdExpiry is how long a series of each type is kept without a sample.
type StatsdExpiry = series.Expiry

// statsdOptions returns the options of the StatsD server, without its listeners.
func statsdOptions(cfg *Config) statsd.Options {
	return statsd.Options{
		Budget: cfg.Statsd.Budget, Total: cfg.Statsd.Series, Expiry: cfg.Statsd.Expiry, RulesFile: cfg.Statsd.RulesFile,
		Socket: cfg.Socket, Endpoints: filepath.Join(cfg.DataDir, "statsd-endpoints.json"), Ports: cfg.Statsd.Ports,
		AgentID: cfg.AgentID, NoBPF: cfg.NoBPF, Log: cfg.Log.With("component", "statsd"),
	}
}

// newStatsd starts the configured StatsD server. It returns nil if none is
// configured.
func newStatsd(cfg *Config, calls *bounded.Set) (*statsd.Server, error) {
	if len(cfg.Statsd.Listen) == 0 {
		return nil, nil
	}
	o := statsdOptions(cfg)
	o.Calls = calls
	for _, a := range cfg.Statsd.Listen {
		l, err := statsd.ParseListener(a)
		if err != nil {
			return nil, err
		}
		l.Optional = cfg.Statsd.Optional
		o.Listen = append(o.Listen, l)
	}
	return statsd.New(o)
}

// launchServer serves the launch API if there is no StatsD server.
type launchServer struct {
	listener net.Listener
	server   *http.Server
	ended    chan error // receives the error with which serving ended
}

// serveLaunch serves the launch API if there is no StatsD server, so that launchers
// get an answer and run their tasks without an endpoint. It returns nil if no socket
// is configured, or if the StatsD server serves the launch API.
func serveLaunch(cfg *Config, calls *bounded.Set) (*launchServer, error) {
	if cfg.Socket == "" || len(cfg.Statsd.Listen) > 0 {
		return nil, nil
	}
	l, err := statsd.ListenLaunch(calls, cfg.Socket)
	if err != nil {
		return nil, err
	}
	s := &launchServer{listener: l, server: origin.Server(nil, cfg.Log), ended: make(chan error, 1)}
	origin.WithAgentID(s.server, cfg.AgentID)
	go func() { s.ended <- s.server.Serve(l) }()
	return s, nil
}
