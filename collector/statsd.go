package collector

import (
	"net/http"
	"path/filepath"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/statsd"
	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// newStatsd starts the StatsD server that the configuration asks for, nil for none.
func newStatsd(cfg *Config) (*statsd.Server, error) {
	if len(cfg.Statsd) == 0 {
		return nil, nil
	}
	o := statsd.Options{
		Budget: cfg.StatsdBudget, Total: cfg.StatsdSeries, Expiry: cfg.StatsdExpiry, RulesFile: cfg.StatsdRules, NoBPF: cfg.NoBPF, Log: cfg.Log.With("room", "statsd"),
		Socket: cfg.Socket, Endpoints: filepath.Join(cfg.DataDir, "statsd-endpoints.json"),
		First: cfg.StatsdPorts[0], Last: cfg.StatsdPorts[1],
	}
	for _, a := range cfg.Statsd {
		l, err := statsd.ParseListener(a)
		if err != nil {
			return nil, err
		}
		l.Optional = cfg.StatsdOptional
		o.Listen = append(o.Listen, l)
	}
	return statsd.New(o)
}

// serveLaunch answers launchers where there is no StatsD, so that they go on
// without. The server is nil if there is nothing to be served.
func serveLaunch(cfg *Config) (*http.Server, error) {
	if cfg.Socket == "" || len(cfg.Statsd) > 0 {
		return nil, nil
	}
	l, err := launch.Listen(cfg.Socket)
	if err != nil {
		return nil, err
	}
	srv := origin.Server(nil)
	go srv.Serve(l)
	return srv, nil
}
