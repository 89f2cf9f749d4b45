// Daytwo is day-2 operations for a cluster of Linux machines: metrics, logs and
// debugging sessions. `daytwo --help` shows what it does.
package main

import (
	"context"
	"os"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/cli"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/up"
	"github.com/daytwo/daytwo/collector"
	"github.com/daytwo/daytwo/relay"
)

var version = "dev" // set by the linker

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Programs{
		Version: version,
		Up: func(ctx context.Context, c cli.Config) error {
			return up.Run(ctx, c, collector.AgentID, runRelay, runCollector)
		},
		Collector: func(ctx context.Context, c cli.Config) error { return runCollector(ctx, c, nil) },
		Relay:     func(ctx context.Context, c cli.Config) error { return runRelay(ctx, c, nil) },
		Doctor: func(ctx context.Context, c cli.Config) ([]rpc.Check, error) {
			return append(collector.Doctor(ctx, collectorConfig(c, nil)), relay.Doctor(ctx, relayConfig(c, nil))...), nil
		},
		Run: func(ctx context.Context, t cli.Task) (int, error) { return collector.RunTask(ctx, collector.Task(t)) },
	}))
}

func runCollector(ctx context.Context, c cli.Config, server nats.InProcessConnProvider) error {
	return collector.Run(ctx, collectorConfig(c, server))
}

func runRelay(ctx context.Context, c cli.Config, server nats.InProcessConnProvider) error {
	return relay.Run(ctx, relayConfig(c, server))
}

func relayConfig(c cli.Config, server nats.InProcessConnProvider) relay.Config {
	return relay.Config{
		Listen: c.Listen, DataDir: c.Data, TokenFile: c.TokenFile, Cluster: c.Cluster,
		NATS: natsOptions(c, "daytwo relay", server), Stream: bus.Config{Replicas: c.Replicas},
		DiskBytes: c.RetentionSize, Retention: c.Retention, Agent: c.AgentID, Version: version, Log: c.Log,
	}
}

func collectorConfig(c cli.Config, server nats.InProcessConnProvider) collector.Config {
	return collector.Config{
		AgentID: c.AgentID, Interval: c.Interval, DataDir: c.Data, Metrics: c.Metrics, Cluster: c.Cluster, Shards: c.Shards,
		NATS: natsOptions(c, "daytwo collector", server), NoPublish: len(c.NATS) == 0 && server == nil,
		SpoolMax: c.SpoolSize, NoBPF: c.NoBPF, Log: c.Log,
		Socket: c.Socket, Statsd: collector.Statsd{
			Listen: c.Statsd.Listen, Optional: c.Statsd.Defaults, Ports: c.Statsd.Ports, RulesFile: c.Statsd.Rules,
			Budget: c.Statsd.Budget, Series: c.Statsd.Series, Expiry: collector.StatsdExpiry(c.Statsd.Expiry),
		},
	}
}

// natsOptions says how a program reaches NATS: through server where it is in
// this process.
func natsOptions(c cli.Config, name string, server nats.InProcessConnProvider) bus.ConnectOptions {
	return bus.ConnectOptions{
		URLs: strings.Join(c.NATS, ","), Name: name, Credentials: c.NATSCreds,
		CA: c.NATSCA, Cert: c.NATSCert, Key: c.NATSKey, InProcess: server, Log: c.Log,
	}
}
