package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/health"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailure = 1 // the command failed
	exitUsage   = 2 // the command line was wrong, and nothing was done
)

// Programs are the functions that commands run. A command whose function is nil
// does not exist. Up, Collector and Relay run until ctx is done, which is not an
// error.
type Programs struct {
	Version   string
	Up        func(ctx context.Context, c Config) error
	Collector func(ctx context.Context, c Config) error
	Relay     func(ctx context.Context, c Config) error
	Doctor    func(ctx context.Context, c Config) ([]health.Check, error)

	Keys Keys // of a cluster

	// JoinNode makes this machine a node of a cluster.
	JoinNode func(ctx context.Context, j JoinNode) (agent, cluster string, err error)

	// Run runs a task and returns its exit status, which is 0 also if err says why
	// the task did not run.
	Run func(ctx context.Context, t Task) (status int, err error)

	// LogPipe writes a program's output to journald. An error of UsageError says that the
	// command line is invalid.
	LogPipe func(ctx context.Context, l LogPipe) error
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// errFailed ends a command that has printed already what failed.
var errFailed = errors.New("failed")

// Main runs the command line and returns the exit status of the process.
func Main(args []string, p Programs) int {
	ctx, stop := untilSignal()
	defer stop()
	return run(ctx, args, p, os.Stdout, os.Stderr)
}

func run(ctx context.Context, args []string, p Programs, stdout, stderr io.Writer) int {
	root, started := command(p)
	if cmd, _, err := root.Find(args); err == nil && cmd.Name() == "log" {
		args = joinBoot(args)
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var end taskEnd
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFailed):
		return exitFailure
	case errors.As(err, &end):
		if end.err != nil {
			fmt.Fprintf(stderr, "daytwo: %v\n", end.err)
		}
		return end.status
	}
	fmt.Fprintf(stderr, "daytwo: %v\n", err)
	var usage usageError
	if !*started || errors.As(err, &usage) {
		fmt.Fprintf(stderr, "See '%s --help'.\n", cmd.CommandPath())
		return exitUsage
	}
	return exitFailure
}

// command builds the tree of commands. An error that occurs before *started is set
// is a mistake in the command line.
func command(p Programs) (root *cobra.Command, started *bool) {
	started = new(bool)
	root = &cobra.Command{
		Use:   "daytwo",
		Short: "Day-2 operations for a cluster of Linux machines",
		Long: `Day-2 operations for a cluster of Linux machines: metrics and logs of every host,
container and task, from one static binary.

On one machine, 'daytwo up' runs everything. In a cluster, run 'daytwo
collector' on every node, a NATS cluster, and 'daytwo relay' on any machine that
reaches NATS.

Words: a node is a machine with a collector, and AGENT stands for its id or
hostname; the fleet is all nodes; a task is a container of any runtime, or a
command that 'daytwo run' started.`,
		Example: `  daytwo up                          run everything on this machine
  daytwo doctor                      show what works here, what does not, and what to do
  daytwo top                         watch the fleet live
  daytwo top -o json                 print it once, for scripts
  daytwo task list web               list the tasks with "web" in their names or tags
  daytwo task metrics details web-1  print every metric of one task
  daytwo task log web-1 -f           print what it writes, as it comes
  daytwo run -- ./server             run a command as a task`,
		Version:           p.Version,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRun:  func(*cobra.Command, []string) { *started = true },
		Args:              noCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("daytwo {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	cobra.AddTemplateFunc("flagUsages", flagUsages)
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run daytwo and tasks:"},
		&cobra.Group{ID: "ask", Title: "Look at the fleet:"}, &cobra.Group{ID: "other", Title: "Other commands:"})
	root.SetHelpCommandGroupID("other")
	if p.Up != nil {
		root.AddCommand(upCommand(p))
	}
	if p.Collector != nil {
		root.AddCommand(collectorCommand(p))
	}
	if p.Relay != nil {
		root.AddCommand(relayCommand(p))
	}
	if p.Doctor != nil {
		root.AddCommand(doctorCommand(p))
	}
	conn := connectionFlags(root.PersistentFlags())
	if p.Run != nil {
		root.AddCommand(runCommand(p))
	}
	if p.LogPipe != nil {
		root.AddCommand(logPipeCommand(p))
	}
	if p.Keys != nil {
		root.AddCommand(clusterCommand(p.Keys))
	}
	root.AddCommand(nodeCommand(conn, p), taskCommand(conn), logCommand(conn), statsdCommand(conn), eventsCommand(conn),
		sessionCommand(conn), sinkCommand(conn), topCommand(conn), authCommand(conn), auditCommand(conn), loginCommand(conn),
		logoutCommand(conn))
	root.AddCommand(&cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, GroupID: "other",
		Run: func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), "daytwo", p.Version) }})
	return root, started
}

// noCommand returns an error for an argument of a command that has subcommands
// only.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), didYouMean(args[0], names))
}

// oneArg returns an error that names the argument unless there is exactly one.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fmt.Errorf("give one %s, not %d arguments", what, len(args))
	}
}

// flagError adds a suggestion to an error about an unknown flag.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if hint := didYouMean(unknown.GetSpecifiedName(), names); hint != "" {
			return fmt.Errorf("%w%s", err, strings.Replace(hint, "did you mean ", "did you mean --", 1))
		}
	}
	return err
}
