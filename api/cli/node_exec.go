package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/cli/terminal"
	"github.com/daytwo/daytwo/api/client"
)

func nodeExecCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec [flags] AGENT [--] COMMAND [ARGUMENT]...",
		Short: "Run a command on a node itself, outside of all containers",
		Long: `Run a command on a node itself, outside of all containers, as root or as --user. AGENT is
the node's id, the beginning of its id, or its hostname. Two have to allow it: the policy
(daytwo:node-shell), and the node, whose collector runs with --node-exec.

The command has the environment of a login: HOME, PATH, SHELL, USER, LOGNAME, and the
language of the node. It begins in the user's home directory, or in / if there is none.
It ends with every process that it started. Exit status, terminal, detaching and lost
connections are as those of 'daytwo task exec'.`,
		Example: `  daytwo node exec web1 uptime
  daytwo node exec web1 -- journalctl -u docker -n 20
  daytwo node exec -it web1 bash`,
		Args: cobra.MinimumNArgs(2),
	}
	f := execFlags{node: true}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().BoolVarP(&f.interactive, "interactive", "i", false, "pass standard input on")
	cmd.Flags().BoolVarP(&f.tty, "tty", "t", false, "run it on a terminal")
	f.addCommand(cmd.Flags(), "root", "the node")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		command := args[1:]
		if command[0] == "--" {
			command = command[1:]
		}
		if len(command) == 0 {
			return usageError{errors.New("name a command after the node")}
		}
		return f.execOnNode(cmd, conn, args[0], command)
	}
	return cmd
}

func nodeShellCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shell [flags] AGENT",
		Short: "Open a shell on a node itself, outside of all containers",
		Long: `Open a login shell on a node itself, outside of all containers: that of root, or of
--user. See 'daytwo node exec' for who may.`,
		Example: `  daytwo node shell web1`,
		Args:    oneArg("AGENT"),
	}
	f := execFlags{node: true, interactive: true, tty: true}
	f.addCommand(cmd.Flags(), "root", "the node")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.execOnNode(cmd, conn, args[0], []string{"sh", "-c", `exec "$SHELL" -l`})
	}
	return cmd
}

// execOnNode runs a command on a node that has a name.
func (f *execFlags) execOnNode(cmd *cobra.Command, conn *connection, name string, command []string) error {
	if _, err := terminal.ParseKeys(f.keys); err != nil {
		return usageError{err}
	}
	relay, err := conn.client()
	if err != nil {
		return err
	}
	agent, err := findAgent(cmd.Context(), relay, name)
	var denied *client.Error
	switch {
	case err == nil:
		name = agent.AgentID
	case !errors.As(err, &denied): // else who may not list the nodes names one by its id
		return err
	}
	return f.exec(cmd, conn, name, command)
}
