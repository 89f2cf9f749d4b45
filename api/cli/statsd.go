package cli

import "github.com/spf13/cobra"

func statsdCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "statsd",
		Short: "Show what tasks send to StatsD: top",
		Long: `Show what tasks send to StatsD: which metrics and which tasks cost most, and how
many lines were accepted, rejected or dropped. 'daytwo task statsd TASK' shows
the same for one task.`,
		GroupID: "ask",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(statsdTopCommand(conn))
	return cmd
}
