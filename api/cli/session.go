package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/cli/terminal"
	"github.com/daytwo/daytwo/api/v1"
)

func sessionCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "session",
		Short: "Look after sessions in containers: list, attach, watch, kill, approve, play recordings",
		Long: `Look after sessions, which are commands that 'daytwo task exec' or 'daytwo task shell'
started in containers. You see those that you started, and those that the policy lets you
see.`,
		GroupID: "ask",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(sessionListCommand(conn), sessionAttachCommand(conn), sessionKillCommand(conn),
		sessionRequestsCommand(conn), sessionApproveCommand(conn), sessionDenyCommand(conn),
		sessionWatchCommand(conn), sessionShowCommand(conn), sessionPlayCommand(conn), sessionExportCommand(conn),
		sessionSearchCommand(conn))
	return cmd
}

func sessionListCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the sessions",
		Long: `List the sessions that run or have ended some minutes ago. With --recorded: the recordings
of sessions that the relay keeps and that you may read, newest first.`,
		Example: `  daytwo session list
  daytwo session list --recorded --user ann --since -7d
  daytwo session list -o json | jq -r '.sessions[].session'`,
		Args: cobra.NoArgs,
	}
	var f recordingFlags
	recorded := cmd.Flags().Bool("recorded", false, "list recordings; the following flags are for these")
	f.add(cmd.Flags())
	out := outputFlags(cmd.Flags(), "table", "wide", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		relay, err := conn.client()
		if err != nil {
			return err
		}
		if *recorded {
			doc, err := relay.Recordings(cmd.Context(), f.values())
			switch {
			case err != nil:
				return err
			case out.data():
				return out.print(cmd.OutOrStdout(), doc)
			case doc.More != "":
				fmt.Fprintln(cmd.ErrOrStderr(), "daytwo: there are more: give a larger --limit, or narrow the list")
			}
			return recordingTable(doc.Recordings).print(cmd.OutOrStdout())
		}
		doc, err := relay.Sessions(cmd.Context())
		if err != nil {
			return err
		}
		for _, m := range doc.Missing {
			fmt.Fprintf(cmd.ErrOrStderr(), "daytwo: the node %s did not answer: %s\n", printable(m.Agent), printable(m.Reason))
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), doc)
		}
		return sessionTable(doc.Sessions, out.wide(), time.Now()).print(cmd.OutOrStdout())
	}
	return cmd
}

// sessionTable returns a row a session.
func sessionTable(list []v1.SessionInfo, wide bool, now time.Time) *table {
	t := new(table)
	t.header("SESSION", "USER", "TASK", "AGENT", ">AGE", ">CLIENTS", "COMMAND")
	for i := range list {
		s := &list[i]
		task := s.Tags["task_name"]
		switch {
		case s.ContainerID == "":
			task = "(node)"
		case task == "" || wide:
			task = s.ContainerID
		}
		state := fmt.Sprint(s.Clients)
		if s.Exit != nil {
			state = "ended"
		}
		t.row(s.Session, s.User, task, s.Agent, now.Sub(s.Begun).Round(time.Second).String(), state,
			strings.Join(s.Command.Args, " "))
	}
	return t
}

func sessionAttachCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "attach [flags] SESSION",
		Short: "Connect to a session: what it prints now, and what you type",
		Example: `  daytwo session attach 4vd3k5gq2m7xw6zb
  daytwo session attach --no-stdin 4vd3k5gq2m7xw6zb`,
		Args: cobra.ExactArgs(1),
	}
	var agent, keyNames string
	var noStdin, take bool
	cmd.Flags().StringVar(&agent, "agent", "", "it is on the node `AGENT`, so that not all nodes have to be asked")
	cmd.Flags().BoolVar(&noStdin, "no-stdin", false, "only watch")
	cmd.Flags().BoolVar(&take, "take", false, "type here, and let who does now only watch")
	cmd.Flags().StringVar(&keyNames, "detach-keys", terminal.DetachKeys, "detach with these `KEYS`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		keys, err := terminal.ParseKeys(keyNames)
		if err != nil {
			return usageError{err}
		}
		relay, err := conn.client()
		if err != nil {
			return err
		}
		return attachSession(cmd, relay, &v1.SessionInfo{Session: args[0], Agent: agent}, keys, noStdin, take)
	}
	return cmd
}

func sessionKillCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "kill SESSION...",
		Short:   "End sessions, with every process that they started",
		Example: `  daytwo session kill 4vd3k5gq2m7xw6zb`,
		Args:    cobra.MinimumNArgs(1),
	}
	var agent string
	cmd.Flags().StringVar(&agent, "agent", "", "they are on the node `AGENT`, so that not all nodes have to be asked")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		relay, err := conn.client()
		if err != nil {
			return err
		}
		for _, id := range args {
			if err := relay.KillSession(cmd.Context(), agent, id); err != nil {
				return fmt.Errorf("end the session %s: %w", id, err)
			}
		}
		return nil
	}
	return cmd
}
