package cli

import (
	"errors"
	"path"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// copyFlags are the flags of 'task cp'.
type copyFlags struct {
	agent, user          string
	owner, follow, quiet bool
	maxSize              size
}

func (f *copyFlags) add(fs *pflag.FlagSet) {
	fs.BoolVarP(&f.owner, "archive", "a", false,
		"keep owners, groups and set-user-id bits, by number; else files belong to who writes them")
	fs.BoolVarP(&f.follow, "follow-link", "L", false, "if the source is a symbolic link, copy what it leads to")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress on a terminal")
	fs.Var(&f.maxSize, "max-size", "write at most so much here, such as 10GiB (default: no bound)")
	fs.StringVarP(&f.user, "user", "u", "",
		"read and write as `USER` of the container, or USER:GROUP (default: the container's own)")
	fs.StringVar(&f.agent, "agent", "", "only on the node `AGENT`")
}

func taskCopyCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cp [flags] TASK:PATH LOCAL | cp [flags] LOCAL TASK:PATH",
		Short: "Copy files out of a task's container, or into it",
		Long: `Copy files and directories out of a task's container, or into it, on whichever node
that is. The image needs neither tar nor a shell. PATH is taken from the container's
root directory. A local path that has a colon is written ./a:b.

The rules are those of 'docker cp':

  source     destination           result
  a file     an existing file      takes its place
  a file     a directory           is in it, by its own name
  a file     nothing               has that name; its directory has to exist
  DIR        a directory           is in it: DESTINATION/DIR
  DIR/.      a directory           what is in DIR is in it
  DIR        nothing               has that name
  DIR        a file                is an error

'-' as LOCAL is a tar archive on standard output, or on standard input, which is
written into the directory PATH.

Modes, times (to the nanosecond), symbolic links, hard links and holes of sparse files
are kept, owners with -a. Symbolic links are never followed: neither those in the source
(but see -L), nor those in the destination, so that nothing outside of it is written,
whatever the container sends. Devices and sockets are skipped. A file is replaced when
the new one is complete, also one that runs or is open. Extended attributes are not kept.

The exit status is 0 only if all has been copied; what is missing is on standard error. A
connection that is lost is opened again, and the copy goes on where it was. A copy that
was ended begins anew: there is no --resume.`,
		Example: `  daytwo task cp web:/etc/nginx/nginx.conf .
  daytwo task cp ./site/. web:/srv/www
  daytwo task cp -a web:/var/lib/data backup
  daytwo task cp web:/var/log - | tar t
  daytwo task cp a:/srv - | daytwo task cp - b:/`,
		Args: cobra.ExactArgs(2),
	}
	var f copyFlags
	f.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		from, to := parseOperand(args[0]), parseOperand(args[1])
		switch {
		case from.task != "" && to.task != "":
			return usageError{errors.New("one side has to be here; from one container to another one: " +
				"daytwo task cp A:PATH - | daytwo task cp - B:PATH")}
		case from.task == "" && to.task == "":
			return usageError{errors.New("one side has to be in a container: TASK:PATH")}
		case from.path == "" || to.path == "":
			return usageError{errors.New("a path is missing: name / for all")}
		}
		relay, err := conn.client()
		if err != nil {
			return err
		}
		c := &copyRun{flags: f, relay: relay, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr()}
		if to.task != "" {
			return c.in(cmd.Context(), from.path, to)
		}
		return c.from(cmd.Context(), from, to.path)
	}
	return cmd
}

// operand is one side of a copy.
type operand struct {
	task string // "" if it is here
	path string
}

// parseOperand parses TASK:PATH or a path that is here.
func parseOperand(s string) operand {
	task, path, ok := strings.Cut(s, ":")
	if !ok || task == "" || s[0] == '/' || s[0] == '.' || strings.Contains(task, "/") {
		return operand{path: s}
	}
	return operand{task, path}
}

// inContainer returns a path of a container as the tools take it, and what its end says:
// the contents of a directory are meant, or a directory is.
func inContainer(p string) (clean string, contents, directory bool) {
	contents = strings.HasSuffix(p, "/.") || p == "."
	directory = contents || strings.HasSuffix(p, "/")
	clean = path.Clean("/" + p)
	return clean, contents || clean == "/", directory
}
