package cli

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/cli/terminal"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/v1"
)

func taskAttachCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "attach [flags] TASK",
		Short: "Attach to the session of a task, or to what the task prints",
		Long: `Attach to the session that runs in a task's container, as 'daytwo session attach' does.
If none runs that you may see, print what the task itself prints from now on, until it
ends. Its own input belongs to what started it: nothing can be typed into it. For a
shell beside it there is 'daytwo task shell'.`,
		Example: `  daytwo task attach web
  daytwo task attach --no-stdin web`,
		Args: cobra.ExactArgs(1),
	}
	var keyNames string
	var noStdin, take bool
	cmd.Flags().BoolVar(&noStdin, "no-stdin", false, "only watch")
	cmd.Flags().BoolVar(&take, "take", false, "type here, and let who does now only watch")
	cmd.Flags().StringVar(&keyNames, "detach-keys", terminal.DetachKeys, "detach from a session with these `KEYS`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		keys, err := terminal.ParseKeys(keyNames)
		if err != nil {
			return usageError{err}
		}
		relay, err := conn.client()
		if err != nil {
			return err
		}
		task, err := findTask(cmd.Context(), relay, args[0])
		if err != nil {
			return err
		}
		running, err := sessionsOf(cmd, relay, task)
		if err != nil {
			return err
		}
		switch len(running) {
		case 0:
			return followTask(cmd, relay, task)
		case 1:
		default:
			return severalSessions(task, running)
		}
		return attachSession(cmd, relay, &running[0], keys, noStdin, take)
	}
	return cmd
}

// sessionsOf returns the sessions that run in a task's container, of those that may be seen.
func sessionsOf(cmd *cobra.Command, relay *client.Client, task *v1.Container) (running []v1.SessionInfo, err error) {
	doc, err := relay.Sessions(cmd.Context())
	var e *client.Error
	switch {
	case errors.As(err, &e) && e.Status == http.StatusNotImplemented: // a relay without sessions
		return nil, nil
	case err != nil:
		return nil, err
	}
	for i := range doc.Sessions {
		if s := &doc.Sessions[i]; s.Agent == task.AgentID && s.ContainerID == task.ContainerID && s.Exit == nil {
			running = append(running, *s)
		}
	}
	return running, nil
}

// severalSessions is the error for a task with more than one session.
func severalSessions(task *v1.Container, running []v1.SessionInfo) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sessions run in %s: give one to 'daytwo session attach'", len(running),
		printable(task.DisplayName()))
	for i := range running[:min(len(running), 8)] {
		s := &running[i]
		fmt.Fprintf(&b, "\n  %s  %s  %s", s.Session, printable(s.User), printable(strings.Join(s.Command.Args, " ")))
	}
	if len(running) > 8 {
		b.WriteString("\n  …")
	}
	return errors.New(b.String())
}

// attachSession connects to a session: to what it prints, and unless noStdin with what is typed.
func attachSession(cmd *cobra.Command, relay *client.Client, s *v1.SessionInfo, keys []byte, noStdin,
	take bool) error {
	all := v1.SessionOutput{Offset: wire.FromOldest}
	r := &sessionRun{relay: relay, stdin: !noStdin, raw: !noStdin && terminal.Is(os.Stdin), keys: keys, take: take,
		in: os.Stdin, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(),
		request: v1.SessionRequest{Session: s.Session, Agent: s.Agent, Write: !noStdin, Stdout: all, Stderr: all}}
	return r.run(cmd.Context())
}

// followTask prints what a task prints from now on.
func followTask(cmd *cobra.Command, relay *client.Client, task *v1.Container) error {
	fmt.Fprintf(cmd.ErrOrStderr(), "daytwo: no session runs in %s: this is what it prints itself from now on\n",
		printable(task.DisplayName()))
	o := logFlags(pflag.NewFlagSet("", pflag.ContinueOnError), "cat")
	o.follow, o.noPager, o.lines = true, true, 0
	v := o.values()
	v.Set("agent", task.AgentID)
	v.Set("container", task.ContainerID)
	return o.print(cmd, relay, false, v)
}
