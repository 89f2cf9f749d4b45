package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/audit"
)

func auditVerifyCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no line of the audit log was changed or taken away",
		Long: `Check that no line of the audit log was changed, added or taken away: each has the
hash of the one before it. The first break is named, and the command fails.

That the newest lines are missing, or that all of it was written anew, shows only by
checkpoints: numbers and hashes of lines that were the newest. A relay sends them to
NATS every ten seconds, and writes them to its own log ("audit checkpoint"). Compare
with those in NATS, which any relay of the cluster has (--checkpoints relay), and with
those in the relay's journal (--checkpoints - reads standard input).`,
		Example: `  daytwo audit verify --checkpoints relay
  daytwo audit verify --checkpoints relay --url https://another-relay:8400
  journalctl -u daytwo-relay -o cat | daytwo audit verify --checkpoints -
  daytwo audit verify --checkpoint 1042:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
		Args: cobra.NoArgs,
	}
	dir := dataFlag(cmd.Flags())
	points := cmd.Flags().StringSlice("checkpoint", nil, "the log must have the line `NUMBER:HASH`,…")
	sources := cmd.Flags().StringSlice("checkpoints", nil,
		"compare with the checkpoints of `SOURCE`,…: relay, which are those in NATS; a file with lines of a relay's log; or "+
			"- for standard input")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		data := relayData(cmd.Flags(), *dir)
		var checkpoints []audit.Checkpoint
		for _, p := range *points {
			number, hash, ok := strings.Cut(p, ":")
			seq, err := strconv.ParseUint(number, 10, 64)
			if !ok || err != nil || hash == "" {
				return usageError{fmt.Errorf("checkpoint: %q is not NUMBER:HASH", p)}
			}
			checkpoints = append(checkpoints, audit.Checkpoint{Seq: seq, Hash: hash})
		}
		for _, source := range *sources {
			more, err := readCheckpoints(cmd, conn, data, source)
			if err != nil {
				return err
			}
			checkpoints = append(checkpoints, more...)
		}
		report, err := audit.Verify(filepath.Join(data, audit.Dir), checkpoints...)
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
		if err == nil && len(*points)+len(*sources) > 0 {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d checkpoints agree\n", len(checkpoints))
		}
		return err
	}
	return cmd
}

// readCheckpoints returns the checkpoints of the log in a data directory that a source has.
func readCheckpoints(cmd *cobra.Command, conn *connection, data, source string) ([]audit.Checkpoint, error) {
	id, err := atomicfile.Read(filepath.Join(data, "relay-id"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if source != "relay" {
		in := cmd.InOrStdin()
		if source != "-" {
			f, err := os.Open(source)
			if err != nil {
				return nil, fmt.Errorf("checkpoints: %w", err)
			}
			defer f.Close()
			in = f
		}
		return checkpointsIn(in, source, id)
	}
	if id == "" {
		return nil, fmt.Errorf("checkpoints: %s has no relay-id, so that its checkpoints in NATS cannot be told from "+
			"others: give --data the data directory of the relay", data)
	}
	relay, err := conn.client()
	if err != nil {
		return nil, err
	}
	all, err := relay.Checkpoints(cmd.Context(), id)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("checkpoints: NATS has none of the relay %s", id)
	}
	var list []audit.Checkpoint
	for _, c := range all {
		list = append(list, audit.Checkpoint{Seq: c.Number, Hash: c.Hash})
	}
	return list, nil
}

// checkpointsIn returns the checkpoints in lines of a relay's log. It returns an error if there
// are none, as a wrong file would have.
func checkpointsIn(in io.Reader, source, relay string) ([]audit.Checkpoint, error) {
	list, err := audit.ReadCheckpoints(in, relay)
	if err == nil && len(list) == 0 {
		err = errors.New("no line is an audit checkpoint of this relay: give the log of the relay")
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %s: %w", source, err)
	}
	return list, nil
}
