package cli

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/plaintext"
)

func upCommand(p Programs) *cobra.Command {
	return programCommand(up, p.Up, &cobra.Command{
		Use:   "up",
		Short: "Run everything in one process: collector, NATS server and relay",
		Long: `Run everything in one process: a collector for this machine, an embedded NATS
server, and a relay with the HTTP API and the console. When it is ready it
prints where to look. Without root it shows what an ordinary user can read.

The API requires a token, which is created in the file 'token' of the data
directory. The client commands find it there by themselves.`,
		Example: `  daytwo up
  daytwo up --interval 5s --listen 127.0.0.1:9000
  DAYTWO_RETENTION=7d daytwo up
  curl -H "Authorization: Bearer $(cat /var/lib/daytwo/token)" http://127.0.0.1:8400/api/v1/containers
  curl http://127.0.0.1:61091/metrics`,
	})
}

func collectorCommand(p Programs) *cobra.Command {
	return programCommand(collector, p.Collector, &cobra.Command{
		Use:   "collector",
		Short: "Publish the metrics of this node to NATS, and answer relays about its logs",
		Long: `Read the metrics of this node and publish them to NATS, and answer relays that ask
for log entries of this node. Run one on every node, as root. While NATS is
unreachable, it keeps the metrics in a spool on disk. With --nats none it publishes
nothing, and only serves this node's own /metrics and logs.`,
		Example: `  daytwo collector --nats tls://nats1:4222,tls://nats2:4222 --nats-creds node.creds --nats-ca ca.crt
  daytwo collector --nats none --metrics 127.0.0.1:61091`,
	})
}

func relayCommand(p Programs) *cobra.Command {
	return programCommand(relay, p.Relay, &cobra.Command{
		Use:   "relay",
		Short: "Serve the API: the metrics of all nodes, with history, and their logs",
		Long: `Receive the metrics of all nodes from NATS, keep their history, ask the nodes for
their logs, and serve the HTTP API and the console. Run as many as you like, behind
a load balancer; a relay does not need root.`,
		Example: `  daytwo relay --nats tls://nats1:4222 --nats-creds relay.creds --nats-ca ca.crt --retention 7d`,
	})
}

// programCommand completes a command that runs until a signal ends it.
func programCommand(in program, main func(context.Context, Config) error, cmd *cobra.Command) *cobra.Command {
	c := configured(cmd, in)
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := c.load(cmd.LocalFlags()); err != nil {
			return usageError{err}
		}
		if in == relay && len(c.NATS) == 0 {
			return usageError{errors.New("nats: a relay needs NATS servers: give their URLs")}
		}
		exposed, err := c.exposures(in)
		if err == nil {
			err = plaintext.Refuse(exposed, c.Insecure)
		}
		if err != nil {
			return usageError{err}
		}
		slog.SetDefault(c.Log)
		err = runProgram(cmd.Context(), *c, main)
		if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
			return nil // a signal ended it
		}
		return err
	}
	return cmd
}

// configured adds the flags of a program to a command.
func configured(cmd *cobra.Command, in program) *Config {
	cmd.GroupID = "run"
	cmd.Flags().SortFlags = false
	c := newConfig(cmd.Flags(), in)
	cmd.Flags().VisitAll(func(f *pflag.Flag) { annotateEnv(cmd.Flags(), f.Name) })
	cmd.Long += `

A setting is taken from its flag, else from its environment variable, else from
the configuration file (--config), else it has its default.`
	return c
}
