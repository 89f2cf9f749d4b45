// Daytwo is day-2 operations for a cluster of Linux machines: metrics, logs and
// debugging sessions. `daytwo --help` shows what it does.
package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/cli"
	"github.com/daytwo/daytwo/api/enroll"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/up"
	"github.com/daytwo/daytwo/collector"
	"github.com/daytwo/daytwo/relay"
)

var version = "dev" // set by the linker

func main() {
	if status, is := collector.Helper(); is {
		os.Exit(status)
	}
	os.Exit(cli.Main(cli.TakeArguments(), cli.Programs{
		Version: version,
		Up:      runUp,
		Collector: func(ctx context.Context, c cli.Config) error {
			debug.SetGCPercent(collectorGCPercent)
			return collector.Run(ctx, collectorConfig(c, nil))
		},
		Relay: func(ctx context.Context, c cli.Config) error {
			ballast := make([]byte, relayGarbage)
			defer runtime.KeepAlive(ballast)
			return relay.Run(ctx, relayConfig(c, nil))
		},
		Doctor: func(ctx context.Context, c cli.Config) ([]health.Check, error) {
			return append(collector.Doctor(ctx, collectorConfig(c, nil)), relay.Doctor(ctx, relayConfig(c, nil))...), nil
		},
		Keys: enroll.Keys{},
		JoinNode: func(ctx context.Context, j cli.JoinNode) (agent, cluster string, err error) {
			return collector.JoinNode(ctx, collector.Join(j.Join), j.Agent, j.Data)
		},
		Run: func(ctx context.Context, t cli.Task) (int, error) { return collector.RunTask(ctx, collector.Task(t)) },
		LogPipe: func(ctx context.Context, l cli.LogPipe) error {
			err := collector.LogPipe(ctx, collector.LogPipeConfig(l))
			if errors.As(err, new(collector.InvalidLogPipe)) {
				err = cli.UsageError(err)
			}
			return err
		},
	}))
}

// collectorGCPercent is the GOGC value of a process that runs only a collector. On a
// steady node a collector allocates almost nothing, so that a low value costs little
// and limits the heap while many containers start and stop. `daytwo up` keeps Go's
// default (or $GOGC): marking its relay's history that often would cost more.
const collectorGCPercent = 25

// relayGarbage is how many bytes of garbage a relay may have at least before it collects them.
// It counts as part of the heap and is never touched, so that it takes no memory. What sessions
// and logs print passes a relay as garbage: marking a small heap for each few megabytes of that
// would cost more than passing it on.
const relayGarbage = 32 << 20

// runUp runs a relay and a collector with a NATS server between them. By the boot
// number the relay distinguishes this collector's ticks from those of earlier runs.
func runUp(ctx context.Context, c cli.Config) error {
	boot := rand.Uint64()
	runRelay := func(ctx context.Context, c cli.Config, server nats.InProcessConnProvider) error {
		cfg := relayConfig(c, server)
		cfg.AgentBoot = boot
		return relay.Run(ctx, cfg)
	}
	runCollector := func(ctx context.Context, c cli.Config, server nats.InProcessConnProvider) error {
		cfg := collectorConfig(c, server)
		cfg.Boot = boot
		return collector.Run(ctx, cfg)
	}
	return up.Run(ctx, c, collector.AgentID,
		up.Program{Name: "relay", Run: runRelay}, up.Program{Name: "collector", Run: runCollector})
}

func relayConfig(c cli.Config, server nats.InProcessConnProvider) relay.Config {
	return relay.Config{
		Listen: c.Listen, DataDir: c.Data, TokenFile: c.TokenFile, Access: relay.Access(c.Access), Insecure: c.Insecure,
		Cluster: c.Cluster,
		NATS:    natsOptions(c, "daytwo relay", server), Stream: bus.Config{Replicas: c.Replicas}, Logs: logsStream(c),
		Keys:       relay.Keys{Dir: c.ClusterKeys, Servers: c.NATSAdvertise, Valid: c.NodeValidity},
		Recordings: relay.Recordings(c.Recordings),
		SinksFile:  c.Sinks, DiskBytes: c.RetentionSize, Retention: c.Retention, Agent: c.AgentID, Version: version,
		Ready: c.Ready, Log: c.Log,
	}
}

// logsStream returns how the stream of shipped logs is created.
func logsStream(c cli.Config) bus.Config {
	return bus.Config{MaxAge: c.LogsRetention, MaxBytes: c.LogsSize, Replicas: c.Replicas}
}

func collectorConfig(c cli.Config, server nats.InProcessConnProvider) collector.Config {
	return collector.Config{
		AgentID: c.AgentID, Interval: c.Interval, DataDir: c.Data, Metrics: c.Metrics, Cluster: c.Cluster, Shards: c.Shards,
		Join: collector.Join(c.Join), ClusterDefault: c.Defaults.Cluster, NATSDefault: c.Defaults.NATS,
		NATS: natsOptions(c, "daytwo collector", server), NoPublish: len(c.NATS) == 0 && server == nil,
		Shipping: collector.Shipping{On: c.ShipLogs, RulesFile: c.ShipRules, Since: c.ShipSince, Stream: logsStream(c)},
		Logs:     collector.Logs{Off: len(c.Journal) == 0, Dirs: c.Journal, TokenFile: c.TokenFile},
		Sessions: collector.Sessions{KeysFile: c.SessionKeys, NodeExec: c.NodeExec, PolicyFile: c.SessionPolicy},
		SpoolMax: c.SpoolSize, NoBPF: c.NoBPF, Ready: c.Ready, Log: c.Log,
		Socket: c.Socket, Statsd: collector.Statsd{
			Listen: c.Statsd.Listen, Optional: c.Statsd.Defaults, Ports: c.Statsd.Ports, RulesFile: c.Statsd.Rules,
			Budget: c.Statsd.Budget, Series: c.Statsd.Series, Expiry: collector.StatsdExpiry(c.Statsd.Expiry),
		},
	}
}

// natsOptions returns how a program connects to NATS: to server if that is not nil
// (it runs in this process), else to the configured URLs.
func natsOptions(c cli.Config, name string, server nats.InProcessConnProvider) bus.ConnectOptions {
	return bus.ConnectOptions{
		URLs: strings.Join(c.NATS, ","), Name: name, Credentials: c.NATSCreds,
		CA: c.NATSCA, Cert: c.NATSCert, Key: c.NATSKey, InProcess: server, Insecure: c.Insecure, Log: c.Log,
	}
}
