package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/spf13/cobra"
)

// taskMetrics is how many metrics of a task are printed.
const taskMetrics = 20

func taskStatsdCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "statsd TASK",
		Short: "Show what a task sends to StatsD, and what was lost",
		Long: `Show what a task sends to StatsD. Every line that was received is counted once: as
accepted, as rejected for a reason, or as shed, which means that the collector
was too busy. Below are the metrics that the task sends most often.`,
		Example: `  daytwo task statsd web-1
  daytwo task statsd web-1 -o json | jq '.ledgers[].rejected_by_reason'`,
		Args: oneArg("TASK"),
	}
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cl, c, err := oneTask(cmd, conn, out, args[0])
		if err != nil {
			return err
		}
		s, err := cl.StatsD(cmd.Context(), client.StatsDQuery{Agent: c.AgentID, Container: c.ContainerID, Limit: taskMetrics})
		if err != nil {
			return err
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), s)
		}
		if len(s.Ledgers) == 0 {
			fmt.Fprintf(cmd.OutOrStdout(), "%s has not sent anything yet\n", printable(c.DisplayName()))
			return nil
		}
		for i := range s.Ledgers {
			if err := ledgerTable(&s.Ledgers[i]).print(cmd.OutOrStdout()); err != nil {
				return err
			}
		}
		if len(s.Metrics) == 0 {
			return nil
		}
		fmt.Fprintln(cmd.OutOrStdout())
		var t table
		t.header("METRIC", "TYPE", ">SERIES", ">SAMPLES/s", ">SAMPLES")
		for _, m := range s.Metrics {
			t.row(m.Name, m.Type, formatInt(m.Series), formatRate(m.Rate), formatInt(m.Samples))
		}
		return t.print(cmd.OutOrStdout())
	}
	return cmd
}

// ledgerTable returns a row per count of a ledger.
func ledgerTable(l *v1.Ledger) *table {
	var t table
	t.row("Container", l.Name)
	t.row("Received", formatInt(l.Received)+" lines, "+formatRate(l.Rate)+" a second")
	t.row("Accepted", formatInt(l.Accepted))
	rejected := formatInt(l.Rejected)
	if len(l.Reasons) > 0 {
		rejected += " (" + reasonsOf(l) + ")"
	}
	t.row("Rejected", rejected)
	t.row("Shed", formatInt(l.Shed))
	if !l.Balances() {
		t.row("Balance", fmt.Sprintf("! %d lines are not accounted for", l.Received-l.Accepted-l.Rejected-l.Shed))
	}
	t.row("Overflowed", formatInt(l.Overflowed))
	t.row("Filtered", formatInt(l.Filtered))
	t.row("Events", formatInt(l.Events))
	t.row("Service checks", formatInt(l.ServiceChecks)+", "+formatInt(l.StatusChanges)+" changes")
	t.row("Events dropped", formatInt(l.EventsDropped))
	t.row("Series", formatInt(l.Series))
	t.row("Type conflicts", formatInt(l.TypeConflicts))
	t.row("Packets", formatInt(l.Packets)+", "+formatBytes(float64(l.Bytes)))
	t.row("Kernel drops", formatInt(l.KernelDrops)+" packets")
	return &t
}

// reasonsOf formats why lines were rejected, the most frequent reason first.
func reasonsOf(l *v1.Ledger) string {
	var parts []string
	for _, r := range slices.SortedFunc(maps.Keys(l.Reasons), func(a, b string) int {
		if l.Reasons[a] != l.Reasons[b] {
			return int(l.Reasons[b] - l.Reasons[a])
		}
		return strings.Compare(a, b)
	}) {
		parts = append(parts, fmt.Sprintf("%s %d", r, l.Reasons[r]))
	}
	return strings.Join(parts, ", ")
}
