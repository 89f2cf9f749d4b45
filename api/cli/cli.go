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
	exitFailure = 1 // it was tried and did not work
	exitUsage   = 2 // it was asked for wrongly; nothing was tried
)

// Programs are what the commands run; one that is nil has no command. Each runs
// until ctx ends; ending so is no error.
type Programs struct {
	Version   string
	Up        func(ctx context.Context, c Config) error
	Collector func(ctx context.Context, c Config) error
	Relay     func(ctx context.Context, c Config) error
	Doctor    func(ctx context.Context, c Config) ([]health.Check, error)
	Run       func(ctx context.Context, t Task) (status int, err error) // returns the task's exit status
}

// usageError is something asked for wrongly.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// errFailed ends a command that has said already what failed.
var errFailed = errors.New("failed")

// Main runs the command line and returns the exit status.
func Main(args []string, p Programs) int {
	ctx, stop := untilSignal()
	defer stop()
	return run(ctx, args, p, os.Stdout, os.Stderr)
}

func run(ctx context.Context, args []string, p Programs, stdout, stderr io.Writer) int {
	root, started := command(p)
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

// command builds the tree of commands. What fails before *started is set is a
// mistake of usage.
func command(p Programs) (root *cobra.Command, started *bool) {
	started = new(bool)
	root = &cobra.Command{
		Use:   "daytwo",
		Short: "Day-2 operations for a cluster of Linux machines",
		Long: `Day-2 operations for a cluster of Linux machines: metrics of every host,
container and task, from one static binary.

On one machine, 'daytwo up' is all there is to start. In a cluster, run 'daytwo
collector' on every node, 'daytwo relay' anywhere, and NATS between them.`,
		Example: `  daytwo up                          run everything on this machine
  daytwo doctor                      what works here, what does not, what to do
  daytwo top                         watch the fleet live
  daytwo top -o json                 the same, once, for scripts
  daytwo task list web               containers with "web" in their names or tags
  daytwo task metrics details web-1  every metric of one`,
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
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run it:"}, &cobra.Group{ID: "ask", Title: "Ask it:"})
	root.SetHelpCommandGroupID("ask")
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
	root.AddCommand(nodeCommand(conn), taskCommand(conn), statsdCommand(conn), eventsCommand(conn), topCommand(conn))
	root.AddCommand(&cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, GroupID: "ask",
		Run: func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), "daytwo", p.Version) }})
	return root, started
}

// noCommand refuses arguments of a command that only has subcommands.
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

// oneArg wants exactly one argument and says what it is.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fmt.Errorf("want one %s, not %d arguments", what, len(args))
	}
}

// flagError adds the nearest flag to an error about an unknown one.
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

const usageTemplate = `Usage:{{if not .HasAvailableSubCommands}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if not .AllChildCommandsHaveGroup}}

Commands:{{range $cmds}}{{if and (eq .GroupID "") .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{flagUsages .LocalFlags}}{{end}}{{if and .HasAvailableInheritedFlags (ne .GroupID "run")}}

Global flags:
{{flagUsages .InheritedFlags}}{{end}}{{if .HasAvailableSubCommands}}

Use "{{.CommandPath}} [command] --help" for more about a command.{{end}}
`

// envAnnotation marks a flag that a variable of the environment sets too.
const envAnnotation = "env"

// flagUsages is pflag's text of flags, with the variables that set them.
func flagUsages(fs *pflag.FlagSet) string {
	named := pflag.NewFlagSet("", pflag.ContinueOnError)
	named.SortFlags = false
	fs.VisitAll(func(f *pflag.Flag) {
		g := *f
		if g.Value.Type() == "bool" { // else pflag adds "[=true|false]"
			g.Value, g.NoOptDefVal = struct{ pflag.Value }{g.Value}, ""
		}
		if env := f.Annotations[envAnnotation]; len(env) > 0 {
			g.Usage += " [$" + env[0] + "]"
		}
		named.AddFlag(&g)
	})
	return strings.TrimRight(named.FlagUsagesWrapped(100), "\n")
}

func annotateEnv(fs *pflag.FlagSet, names ...string) {
	for _, n := range names {
		if err := fs.SetAnnotation(n, envAnnotation, []string{envName(n)}); err != nil {
			panic(err) // a flag that was just registered
		}
	}
}
