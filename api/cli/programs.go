package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/health"
)

func upCommand(p Programs) *cobra.Command {
	return programCommand(up, p.Up, &cobra.Command{
		Use:   "up",
		Short: "Run everything in one process: collector, NATS, relay",
		Long: `Run everything in one process: the collector of this machine, an embedded NATS
server, and a relay with the HTTP API. Without root it runs on what it can read.

The API wants the token that is in the file 'token' of the data directory; the
client commands find it by themselves on the same machine.`,
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
		Short: "Read this node and publish to NATS",
		Long: `Read this node and publish to NATS: one on every node, as root. While NATS is
away it keeps frames on disk. With --nats none it only serves its own /metrics.`,
		Example: `  daytwo collector --nats nats://nats1:4222,nats://nats2:4222
  daytwo collector --nats none --metrics 127.0.0.1:61091`,
	})
}

func relayCommand(p Programs) *cobra.Command {
	return programCommand(relay, p.Relay, &cobra.Command{
		Use:   "relay",
		Short: "Take frames from NATS and serve the API",
		Long: `Take frames from NATS, keep history, and serve the HTTP API. Any number of them
may run; none needs root.`,
		Example: `  daytwo relay --nats nats://nats1:4222 --data /srv/daytwo --retention 7d`,
	})
}

// programCommand completes a command that runs until it is told to end.
func programCommand(in program, main func(context.Context, Config) error, cmd *cobra.Command) *cobra.Command {
	c := configured(cmd, in)
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := c.load(cmd.LocalFlags()); err != nil {
			return usageError{err}
		}
		if in == relay && len(c.NATS) == 0 {
			return usageError{errors.New("nats: a relay without NATS has nothing to serve")}
		}
		slog.SetDefault(c.Log)
		err := runProgram(cmd.Context(), *c, main)
		if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
			return nil // asked to end, and ended
		}
		return err
	}
	return cmd
}

// configured gives a command the flags of a program.
func configured(cmd *cobra.Command, in program) *Config {
	cmd.GroupID = "run"
	cmd.Flags().SortFlags = false
	c := newConfig(cmd.Flags(), in)
	cmd.Flags().VisitAll(func(f *pflag.Flag) { annotateEnv(cmd.Flags(), f.Name) })
	cmd.Long += "\n\nSettings come from flags, else the environment, else the file, else defaults."
	return c
}

func doctorCommand(p Programs) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what works on this node, what does not, and what to do",
		Long: `Say what works on this node: each BPF program, each fallback, each permission,
and what to do about what does not. Ends with status 1 if anything fails. It
leaves nothing behind, and does not disturb a collector that runs.

Give it the settings of the program that is to run here.`,
		Example: `  sudo daytwo doctor
  daytwo doctor -o json`,
		Args: cobra.NoArgs,
	}
	c := configured(cmd, doctor)
	nats := cmd.Flags().Lookup("nats")
	nats.Usage, nats.DefValue = "try the NATS servers at `URL`,… (default: none is tried)", "[]"
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if err := c.load(cmd.LocalFlags()); err != nil {
			return usageError{err}
		}
		if !nats.Changed {
			c.NATS = nil // 'daytwo up' needs none
		}
		slog.SetDefault(c.Log)
		checks, err := p.Doctor(cmd.Context(), *c)
		if err != nil {
			return err
		}
		if err := printChecks(cmd, out, checks); err != nil {
			return err
		}
		for _, check := range checks {
			if check.State == health.Fail {
				return errFailed
			}
		}
		return nil
	}
	return cmd
}

func printChecks(cmd *cobra.Command, out *output, checks []health.Check) error {
	w := cmd.OutOrStdout()
	if out.data() {
		return out.print(w, nonNil(checks))
	}
	var t table
	t.header("STATE", "CHECK", "FOUND")
	for _, c := range checks {
		t.row(string(c.State), c.Name, c.Detail)
		if c.Fix != "" {
			t.row("", "", "→ "+c.Fix)
		}
	}
	t.print(w)
	n := map[health.State]int{}
	for _, c := range checks {
		n[c.State]++
	}
	fmt.Fprintf(w, "\n%d ok, %s, %s\n", n[health.OK], count(n[health.Warn], "warning"), count(n[health.Fail], "failure"))
	return nil
}
