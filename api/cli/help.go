package cli

import (
	"strings"

	"github.com/spf13/pflag"
)

// usageTemplate is cobra's, with the commands in groups and the variables of flags.
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
{{flagUsages .LocalFlags}}{{end}}{{if and .HasAvailableInheritedFlags (ne .GroupID "run") (ne .GroupID "other")}}

Global flags:
{{flagUsages .InheritedFlags}}{{end}}{{if .HasAvailableSubCommands}}

Use "{{.CommandPath}} [command] --help" for more about a command.{{end}}
`

// envAnnotation is the key of a flag's annotation that holds the name of the
// variable that sets the flag.
const envAnnotation = "env"

// flagUsages returns pflag's description of flags, with the variables that set
// them.
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

// annotateEnv lets the help of flags show the variables that set them.
func annotateEnv(fs *pflag.FlagSet, names ...string) {
	for _, n := range names {
		if err := fs.SetAnnotation(n, envAnnotation, []string{envName(n)}); err != nil {
			panic(err) // the flags were just registered
		}
	}
}
