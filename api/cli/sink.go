package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/spf13/cobra"
)

func sinkCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sink",
		Short: "Look after the sinks that logs are shipped to: list, pause, resume, reset, test, dead",
		Long: `Look after the sinks that logs are shipped to: Elasticsearch, Redis, Splunk,
Fluentd, Loki, Kafka, syslog, files, OpenTelemetry. A relay that was started with
--sinks FILE delivers what collectors ship. Each sink has a position of its own
in the stream of logs: nothing counts as delivered before the receiver has it,
and a receiver that is away delays no other sink.

In the file, a sink has a name, one receiver, and what it is to get:

  sinks:
    - name: search
      elasticsearch:
        urls: [https://es1:9200, https://es2:9200]
        user: shipper
        password_file: /etc/daytwo/es-password
      filter:
        priority: info
        unit: ["web*", nginx.service]
    - name: elk
      redis: {addresses: ["redis1:6379"], key: logstash}

The relay reads the file again when it changes. A file with a mistake is refused
as a whole: the sinks stay as they were, and 'daytwo sink list' says why.`,
		GroupID: "ask",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(sinkListCommand(conn), sinkPauseCommand(conn), sinkResumeCommand(conn), sinkResetCommand(conn),
		sinkTestCommand(conn), sinkDeadCommand(conn))
	return cmd
}

func sinkListCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the sinks, what they delivered, and how far behind they are",
		Long: `List the sinks, what they delivered, and how far behind they are. Their states:

  running  the last delivery succeeded, or there was none yet
  failing  the receiver does not take records: they wait, and are tried again
  paused   stopped by 'daytwo sink pause'
  standby  another relay runs the sink
  waiting  NATS cannot be reached

BEHIND is the age of the oldest message that was not delivered. REFUSED counts
records that the receiver would never take, by reason: 'daytwo sink dead' shows
them. The counts are those of the relay that answers, since it started.`,
		Example: `  daytwo sink list
  daytwo sink list -o json | jq '.sinks[] | select(.state != "running")'`,
		Args: cobra.NoArgs,
	}
	out := outputFlags(cmd.Flags(), "table", "wide", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		cl, err := conn.client()
		if err != nil {
			return err
		}
		s, err := cl.Sinks(cmd.Context())
		if err != nil {
			return err
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), s)
		}
		if s.ConfigRefused != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "daytwo: the configuration file is refused, the previous one is in use: %s\n",
				printable(s.ConfigRefused))
		}
		return sinkTable(s.Sinks, out.wide()).print(cmd.OutOrStdout())
	}
	return cmd
}

func sinkTable(sinks []v1.Sink, wide bool) *table {
	var t table
	header := []string{"NAME", "TYPE", "STATE", ">DELIVERED", ">BEHIND", ">RETRIES", "REFUSED"}
	if wide {
		header = append(header, ">FILTERED", ">KNOWN", ">CUT", "RELAY", "TARGET")
	}
	t.header(append(header, "ERROR")...)
	for i := range sinks {
		s := &sinks[i]
		var refused []string
		for _, reason := range slices.Sorted(maps.Keys(s.Refused)) {
			refused = append(refused, fmt.Sprintf("%s %d", reason, s.Refused[reason]))
		}
		behind := time.Duration(s.Behind * float64(time.Second)).Round(time.Second).String()
		row := []string{s.Name, s.Type, s.State, formatInt(int64(s.Delivered)), behind, formatInt(int64(s.Retries)),
			strings.Join(refused, ", ")}
		if wide {
			row = append(row, formatInt(int64(s.Filtered)), formatInt(int64(s.Known)), formatInt(int64(s.Cut)), s.Relay,
				s.Target)
		}
		t.row(append(row, s.Error)...)
	}
	return &t
}

// sinkAction returns a command that does something to one sink.
func sinkAction(conn *connection, cmd *cobra.Command, done string,
	do func(context.Context, *client.Client, string) error) *cobra.Command {
	cmd.Args = oneArg("NAME")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cl, err := conn.client()
		if err != nil {
			return err
		}
		if err := do(cmd.Context(), cl, args[0]); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", printable(args[0]), done)
		return nil
	}
	return cmd
}

func sinkPauseCommand(conn *connection) *cobra.Command {
	return sinkAction(conn, &cobra.Command{
		Use:   "pause NAME",
		Short: "Stop a sink until it is resumed",
		Long: `Stop a sink until it is resumed, on all relays and over restarts. What is shipped
meanwhile waits in the stream of logs, for as long as that keeps it.`,
		Example: `  daytwo sink pause search`,
	}, "paused", func(ctx context.Context, cl *client.Client, name string) error { return cl.PauseSink(ctx, name) })
}

func sinkResumeCommand(conn *connection) *cobra.Command {
	return sinkAction(conn, &cobra.Command{
		Use:     "resume NAME",
		Short:   "Let a paused sink go on where it was",
		Long:    `Let a paused sink go on where it was.`,
		Example: `  daytwo sink resume search`,
	}, "resumed", func(ctx context.Context, cl *client.Client, name string) error { return cl.ResumeSink(ctx, name) })
}

func sinkResetCommand(conn *connection) *cobra.Command {
	var to string
	cmd := sinkAction(conn, &cobra.Command{
		Use:   "reset NAME --to start|end|TIME",
		Short: "Move a sink's position, to deliver again or to skip",
		Long: `Move a sink's position: to the start of what the stream of logs still has, to its
end, or to what was shipped from a time on, written as for journalctl --since.
What the receiver has already is delivered again, under the same ids: a receiver
that knows them, such as Elasticsearch, keeps one. What is skipped is not
delivered.`,
		Example: `  daytwo sink reset search --to '2026-03-01 12:00'
  daytwo sink reset search --to -2h
  daytwo sink reset search --to end`,
	}, "its position was moved", func(ctx context.Context, cl *client.Client, name string) error {
		if to == "" {
			return usageError{errors.New("give --to start, --to end, or --to TIME")}
		}
		return cl.ResetSink(ctx, name, to)
	})
	cmd.Flags().StringVar(&to, "to", "", "move it to `start`, end, or a time such as '2026-03-01 12:00', yesterday or -2h")
	return cmd
}

func sinkTestCommand(conn *connection) *cobra.Command {
	return sinkAction(conn, &cobra.Command{
		Use:   "test NAME",
		Short: "Check that a sink's receiver can be reached and accepts the credentials",
		Long: `Check that a sink's receiver can be reached from the relay and accepts the
credentials. No log entry is written. The command fails with what the receiver
answered.`,
		Example: `  daytwo sink test search`,
	}, "ok", func(ctx context.Context, cl *client.Client, name string) error { return cl.TestSink(ctx, name) })
}

func sinkDeadCommand(conn *connection) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "dead NAME",
		Short: "Print the newest records that a sink's receiver refused, with the reason",
		Long: `Print the newest records that a sink's receiver refused for good, with the reason,
as JSON, a line each, oldest first. The relay that answers keeps those that it
delivered itself, in the directory 'sinks' of its data directory.`,
		Example: `  daytwo sink dead search
  daytwo sink dead search --limit 1000 | jq -r '.reason + " " + .detail'`,
		Args: oneArg("NAME"),
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "print at most `N` records, up to 1000")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cl, err := conn.client()
		if err != nil {
			return err
		}
		dead, err := cl.DeadLetters(cmd.Context(), args[0], limit)
		if err != nil {
			return err
		}
		for _, d := range dead {
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", d)
		}
		return nil
	}
	return cmd
}
