package collector

import (
	"net/http"
	"path/filepath"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/bounded"
	"github.com/daytwo/daytwo/collector/statsd"
	"github.com/daytwo/daytwo/collector/statsd/origin"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

// Statsd says where a collector listens for StatsD, and what it keeps. The zero
// value of a field means its default.
type Statsd struct {
	Listen    []string         // addresses, as statsd.ParseListener reads them; none = no StatsD
	Optional  bool             // do without those of Listen that another process has
	Ports     launch.PortRange // for containers; default launch.DefaultPorts, or others if clients get those
	RulesFile string           // mappings in statsd_exporter's form; "" = none
	Budget    int              // series of one container; default setting.StatsdBudget
	Series    int              // series of all containers; default setting.StatsdSeries
	Expiry    StatsdExpiry     // how long silent series stay; default setting.StatsdExpiry
}

// StatsdExpiry is how long a series of each type stays without a sample.
type StatsdExpiry = series.Expiry

// statsdOptions are those of the StatsD server, but for the listeners.
func statsdOptions(cfg *Config) statsd.Options {
	return statsd.Options{
		Budget: cfg.Statsd.Budget, Total: cfg.Statsd.Series, Expiry: cfg.Statsd.Expiry, RulesFile: cfg.Statsd.RulesFile,
		Socket: cfg.Socket, Endpoints: filepath.Join(cfg.DataDir, "statsd-endpoints.json"), Ports: cfg.Statsd.Ports,
		NoBPF: cfg.NoBPF, Log: cfg.Log.With("component", "statsd"),
	}
}

// newStatsd starts the StatsD server that the configuration asks for, nil for none.
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

// serveLaunch answers launchers where there is no StatsD, so that they go on
// without. The server is nil if there is nothing to be served.
func serveLaunch(cfg *Config) (*http.Server, error) {
	if cfg.Socket == "" || len(cfg.Statsd.Listen) > 0 {
		return nil, nil
	}
	l, err := launch.Listen(cfg.Socket)
	if err != nil {
		return nil, err
	}
	srv := origin.Server(nil, cfg.Log)
	go srv.Serve(l)
	return srv, nil
}
