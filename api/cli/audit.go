package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/timespec"
)

func auditCommand() *cobra.Command {
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
	cmd.AddCommand(auditShowCommand(), auditVerifyCommand())
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

func auditVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no line of the audit log was changed or taken away",
		Long: `Check that no line of the audit log was changed, added or taken away: each has the
hash of the one before it. The first break is named, and the command fails.

That the newest lines are missing shows only by a checkpoint, a number and a hash
that a relay writes to its own log every ten seconds ("audit checkpoint"): give
those that you have, from the journal of the relay.`,
		Example: `  daytwo audit verify
  daytwo audit verify --checkpoint 1042:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
		Args: cobra.NoArgs,
	}
	dir := dataFlag(cmd.Flags())
	points := cmd.Flags().StringSlice("checkpoint", nil, "the log must have the line `NUMBER:HASH`,…")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var checkpoints []audit.Checkpoint
		for _, p := range *points {
			number, hash, ok := strings.Cut(p, ":")
			seq, err := strconv.ParseUint(number, 10, 64)
			if !ok || err != nil || hash == "" {
				return usageError{fmt.Errorf("checkpoint: %q is not NUMBER:HASH", p)}
			}
			checkpoints = append(checkpoints, audit.Checkpoint{Seq: seq, Hash: hash})
		}
		report, err := audit.Verify(filepath.Join(relayData(cmd.Flags(), *dir), audit.Dir), checkpoints...)
		var broken *audit.BrokenError
		if errors.As(err, &broken) {
			return fmt.Errorf("the audit log is broken: %w", err)
		}
		if err != nil {
			return err
		}
		if report.Lines == 0 {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "the audit log has no lines")
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d lines are whole, numbers %d to %d; the newest is %d:%s\n",
			report.Lines, report.First.Seq, report.Last.Seq, report.Last.Seq, report.Last.Hash)
		return err
	}
	return cmd
}
