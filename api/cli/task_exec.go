package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/cli/terminal"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/v1"
)

// execFlags are the flags of commands that start something in a container.
type execFlags struct {
	agent, user, workdir, keys string
	reason                     string
	env                        []string
	interactive, tty           bool
	privileged                 bool
	debug                      bool // what runs is the toolbox's
	node                       bool // on a node itself
}

func (f *execFlags) add(fs *pflag.FlagSet) {
	f.addCommand(fs, "the container's own", "the container")
	fs.BoolVar(&f.privileged, "privileged", false, "run it with all capabilities")
	fs.StringVar(&f.agent, "agent", "", "only on the node `AGENT`")
	fs.BoolVar(&f.debug, "debug", false, "bring a shell and small programs, as where the container has none")
}

// addCommand adds those that a command on the node itself has, too.
func (f *execFlags) addCommand(fs *pflag.FlagSet, user, place string) {
	fs.StringVarP(&f.user, "user", "u", "",
		"run it as `USER`, or USER:GROUP, by name or number (default: "+user+")")
	fs.StringVarP(&f.workdir, "workdir", "w", "", "run it in the directory `DIR` of "+place)
	fs.StringArrayVarP(&f.env, "env", "e", nil,
		"set `NAME=VALUE` in its environment; NAME alone takes the value from here")
	fs.StringVar(&f.reason, "reason", "",
		"say why: `TEXT` for who has to approve it, and for the audit log")
	fs.StringVar(&f.keys, "detach-keys", terminal.DetachKeys,
		"detach with these `KEYS`, which the session does not get")
}

func taskExecCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec [flags] TASK [--] COMMAND [ARGUMENT]...",
		Short: "Run a command in a task's container",
		Long: `Run a command in a task's container, on whichever node that is, as the container's own
user and with its rights and limits. TASK is a name, a task id, a container id, or a
part that only one of them has.

The exit status is that of the command, 128+N if signal N ended it, 127 if it does not
exist, 126 if it cannot be run, 125 if the session could not be started, and 255 if the
connection was lost and how the command ended is not known. Why a session ended that the
command did not end itself, stands on standard error.

With --debug the node brings a toolbox, for containers that have no shell: COMMAND is one
of its small programs (sh, ls, cat, ps, top, netstat, wget and others: 'help' lists
them), or else one of the container. They have the rights of the container.

With -i the command gets this standard input, with -t a terminal; with both, detach keys
(` + terminal.DetachKeys + `) leave it running: 'daytwo session attach' comes back to it. A connection that
is lost is opened again, and no byte of output is lost or shown twice.

--all-matching runs it in several tasks at once, without TASK, -i and -t: each line is
printed whole, behind the task's name. Where it did not end with status 0 stands on standard
error at the end, and the exit status is the highest of all. SIGINT and SIGTERM go to all,
and end what is left ` + fmt.Sprint(killAfter) + ` later; what has not begun does not begin.`,
		Example: `  daytwo task exec web ls /
  daytwo task exec -it web sh
  daytwo task exec --debug web netstat -l
  daytwo task exec -u www-data -w /srv web -- ls -l
  tar c . | daytwo task exec -i web tar x -C /tmp
  daytwo task exec --all-matching 'web*' -- uptime`,
	}
	var f execFlags
	var all allFlags
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if all.pattern != "" {
			return cobra.MinimumNArgs(1)(cmd, args)
		}
		return cobra.MinimumNArgs(2)(cmd, args)
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().BoolVarP(&f.interactive, "interactive", "i", false, "pass standard input on")
	cmd.Flags().BoolVarP(&f.tty, "tty", "t", false, "run it on a terminal")
	f.add(cmd.Flags())
	all.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if all.pattern != "" {
			return all.run(cmd, conn, &f, args)
		}
		task, command := args[0], args[1:]
		if command[0] == "--" {
			command = command[1:]
		}
		if len(command) == 0 {
			return usageError{errors.New("name a command after the task")}
		}
		return f.exec(cmd, conn, task, command)
	}
	return cmd
}

func taskShellCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shell [flags] TASK",
		Short: "Open a shell in a task's container",
		Long: `Open a shell in a task's container: bash if it is there, else ash, else sh. If there is
none, or with --debug, it is that of daytwo's own toolbox, with small programs as ls,
cat, ps and netstat: 'help' lists them. They have the rights of the container, see its
files and processes, and are no files in it.`,
		Example: `  daytwo task shell web
  daytwo task shell --debug web`,
		Args: cobra.ExactArgs(1),
	}
	f := execFlags{interactive: true, tty: true}
	f.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		command := []string{"shell"} // which looks for the container's
		if f.debug {
			command = []string{"sh"}
		}
		f.debug = true
		return f.exec(cmd, conn, args[0], command)
	}
	return cmd
}

// command returns what a session runs.
func (f *execFlags) command(args []string) session.Command {
	c := session.Command{Args: args, User: f.user, Workdir: f.workdir, Env: environment(f.env, f.tty), TTY: f.tty,
		Stdin: f.interactive, Privileged: f.privileged}
	if f.debug {
		c.Tool, c.Args = session.ToolDebug, append([]string{session.ToolDebug}, args...)
	}
	return c
}

// exec runs a command in a container.
func (f *execFlags) exec(cmd *cobra.Command, conn *connection, task string, command []string) error {
	keys, err := terminal.ParseKeys(f.keys)
	if err != nil {
		return usageError{err}
	}
	if f.tty && f.interactive && !terminal.Is(os.Stdin) {
		return usageError{errors.New("standard input is no terminal: leave --tty out")}
	}
	relay, err := conn.client()
	if err != nil {
		return err
	}
	c := f.command(command)
	if err := c.Check(); err != nil {
		return usageError{err}
	}
	r := &sessionRun{relay: relay, stdin: f.interactive, raw: f.tty && f.interactive, keys: keys,
		in: os.Stdin, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(),
		request: v1.SessionRequest{Session: session.NewID(), Container: task, Agent: f.agent, Command: &c,
			Reason: f.reason, Write: true}} // it passes signals on, and misses no output, also without input
	if f.node {
		r.request.Node, r.request.Container, r.request.Agent = true, "", task
	}
	return r.run(cmd.Context())
}

// environment returns what --env adds. A terminal has the type of the one here.
func environment(flags []string, tty bool) (env []string) {
	if t := os.Getenv("TERM"); tty && t != "" {
		env = append(env, "TERM="+t)
	}
	for _, e := range flags {
		if !slices.Contains([]byte(e), '=') {
			value, ok := os.LookupEnv(e)
			if !ok {
				continue
			}
			e += "=" + value
		}
		env = append(env, e)
	}
	return env
}
