// Daytwo is day-2 operations for a cluster of Linux machines: metrics, logs and
// debugging sessions. `daytwo --help` shows what it does.
package main

import (
	"context"
	"os"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/cli"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/collector"
	"github.com/daytwo/daytwo/collector/statsd/series"
	"github.com/daytwo/daytwo/relay"
)

var version = "dev" // set by the linker

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Programs{
		Version:   version,
		Up:        cli.Up(collector.AgentID, runRelay, runCollector),
		Collector: runCollector,
		Relay:     runRelay,
		Doctor: func(ctx context.Context, c cli.Config) ([]rpc.Check, error) {
			return collector.Doctor(ctx, collectorConfig(c))
		},
	}))
}

func runCollector(ctx context.Context, c cli.Config) error {
	return collector.Run(ctx, collectorConfig(c))
}

func collectorConfig(c cli.Config) collector.Config {
	return collector.Config{
		AgentID: c.AgentID, Interval: c.Interval, DataDir: c.Data, Metrics: c.Metrics, Cluster: c.Cluster, Shards: c.Shards,
		NATS: c.NATSOptions("daytwo collector"), NoPublish: len(c.NATS) == 0 && c.Server == nil, SpoolMax: c.SpoolSize, NoBPF: c.NoBPF, Log: c.Log,
		Socket: c.Socket, Statsd: c.Statsd, StatsdOptional: c.StatsdDefaults, StatsdPorts: c.StatsdPorts,
		StatsdRules: c.StatsdRules, StatsdBudget: c.StatsdBudget, StatsdSeries: c.StatsdSeries, StatsdExpiry: series.Expiry(c.StatsdExpiry),
	}
}

func runRelay(ctx context.Context, c cli.Config) error {
	return relay.Run(ctx, relay.Config{
		Listen: c.Listen, DataDir: c.Data, TokenFile: c.TokenFile, Cluster: c.Cluster, NATS: c.NATSOptions("daytwo relay"), Stream: bus.Config{Replicas: c.Replicas},
		DiskBytes: c.RetentionSize, Retention: c.Retention, Agent: c.AgentID, Version: version, Log: c.Log,
	})
}
