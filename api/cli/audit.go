package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/timespec"
)

func auditCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "See who did what at a relay: show, verify",
		Long: `See who did what at a relay on this machine. The audit log, in the directory audit
of the relay's data directory, has a line for each request that was refused, and
for each one that changed something or revealed more than metrics. Each line has
the hash of the one before it.`,
		GroupID: "other",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(auditShowCommand(), auditVerifyCommand(conn))
	return cmd
}

func auditShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the audit log",
		Long:  "Print the audit log, oldest lines first.",
		Example: `  daytwo audit show --since -1h --who ann
  daytwo audit show --decision refused -o json`,
		Args: cobra.NoArgs,
	}
	dir := dataFlag(cmd.Flags())
	since := cmd.Flags().String("since", "", "print lines from `TIME` on, written as for 'daytwo log'")
	who := cmd.Flags().String("who", "", "print only lines of the user `NAME`")
	decision := cmd.Flags().String("decision", "", "print only lines with `DECISION`: allowed, refused, failed")
	out := outputFlags(cmd.Flags(), "table", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		var from time.Time
		if *since != "" {
			var err error
			if from, err = timespec.Parse(*since, time.Now()); err != nil {
				return usageError{fmt.Errorf("since: %w", err)}
			}
		}
		var t table
		t.header("TIME", "WHO", "FROM", "DECISION", "WHAT", "OBJECT", "RULE")
		w := cmd.OutOrStdout()
		err := audit.Read(filepath.Join(relayData(cmd.Flags(), *dir), audit.Dir), func(r audit.Record) error {
			if r.Time.Before(from) || *who != "" && r.Who != *who || *decision != "" && r.Decision != *decision {
				return nil
			}
			if out.data() {
				line, err := json.Marshal(r)
				if err == nil {
					_, err = fmt.Fprintf(w, "%s\n", line)
				}
				return err
			}
			what := r.What
			if r.Count > 1 {
				what += fmt.Sprintf(" (%d times)", r.Count)
			}
			t.row(r.Time.Local().Format(time.DateTime), r.Who, r.From, r.Decision, what, r.Object,
				strings.TrimSpace(r.Rule+" "+r.Error))
			return nil
		})
		if err != nil || out.data() {
			return err
		}
		return t.print(w)
	}
	return cmd
}
