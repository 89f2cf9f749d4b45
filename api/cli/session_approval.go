package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/v1"
)

func sessionRequestsCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "requests",
		Short: "List the sessions that wait for an approval",
		Long: `List the sessions that wait for another person's approval: who asks for what, where and why.
You see your own ones, those that you may approve, and those of sessions that you may list.`,
		Example: `  daytwo session requests
  daytwo session requests -o wide`,
		Args: cobra.NoArgs,
	}
	out := outputFlags(cmd.Flags(), "table", "wide", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		relay, err := conn.client()
		if err != nil {
			return err
		}
		doc, err := relay.SessionRequests(cmd.Context())
		if err != nil {
			return err
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), doc)
		}
		if out.wide() {
			return describeRequests(cmd.OutOrStdout(), doc.Requests)
		}
		return requestTable(doc.Requests, time.Now()).print(cmd.OutOrStdout())
	}
	return cmd
}

// requestTable returns a row a request.
func requestTable(list []v1.SessionPendingRequest, now time.Time) *table {
	t := new(table)
	t.header("SESSION", "USER", "TASK", "AGENT", ">LEFT", "FOR", "COMMAND", "REASON")
	for i := range list {
		p := &list[i]
		t.row(p.Session, p.User, requestTask(p), p.Agent, max(p.Until.Sub(now), 0).Round(time.Second).String(), p.For,
			requestCommand(p), p.Reason)
	}
	return t
}

// requestTask names the container of a request.
func requestTask(p *v1.SessionPendingRequest) string {
	switch {
	case p.Tags["task_name"] != "":
		return p.Tags["task_name"]
	case p.ContainerID != "":
		return p.ContainerID
	}
	return "(the node)"
}

// requestCommand returns the command of a request, with what is special about it before it.
func requestCommand(p *v1.SessionPendingRequest) string {
	var all []string
	if p.Command.User != "" {
		all = append(all, "[as "+p.Command.User+"]")
	}
	if p.Command.Privileged {
		all = append(all, "[privileged]")
	}
	if p.Command.Workdir != "" {
		all = append(all, "[in "+p.Command.Workdir+"]")
	}
	if len(p.Command.Env) > 0 {
		all = append(all, "["+strings.Join(p.Command.Env, " ")+"]")
	}
	return strings.Join(append(all, p.Command.Args...), " ")
}

// describeRequests prints all that is approved by approving.
func describeRequests(w io.Writer, list []v1.SessionPendingRequest) error {
	for i := range list {
		p := &list[i]
		if i > 0 {
			fmt.Fprintln(w)
		}
		var rights []string
		for _, r := range p.Rights {
			rights = append(rights, string(r))
		}
		var t table
		t.row("Session", p.Session)
		t.row("User", p.User+" from "+p.From)
		t.row("Container", p.ContainerID+" on "+p.Agent)
		for _, name := range []string{"task_name", "application_name", "task_id"} {
			if v := p.Tags[name]; v != "" {
				t.row("", name+"="+v)
			}
		}
		t.row("Command", fmt.Sprintf("%q", p.Command.Args))
		t.row("As", cmp.Or(p.Command.User, "the container's own user"))
		t.row("In", cmp.Or(p.Command.Workdir, "the container's own directory"))
		t.row("With", strings.Join(p.Command.Env, " "))
		t.row("Rights", strings.Join(rights, ", "))
		t.row("Reason", p.Reason)
		t.row("For", p.For)
		t.row("Until", p.Until.Local().Format(time.DateTime))
		if err := t.print(w); err != nil {
			return err
		}
	}
	return nil
}

func sessionApproveCommand(conn *connection) *cobra.Command {
	return &cobra.Command{
		Use:   "approve SESSION",
		Short: "Approve a session that waits",
		Long: `Approve a session that waits for another person's approval: it is opened exactly as it was
asked for, once. 'daytwo session requests -o wide' shows all of it. Nobody approves their own.`,
		Example: `  daytwo session approve 4vd3k5gq2m7xw6zb`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			relay, err := conn.client()
			if err != nil {
				return err
			}
			return relay.ApproveSession(cmd.Context(), args[0])
		},
	}
}

func sessionDenyCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "deny SESSION",
		Short:   "Deny a session that waits, or withdraw an own one",
		Example: `  daytwo session deny --reason 'not before the freeze ends' 4vd3k5gq2m7xw6zb`,
		Args:    cobra.ExactArgs(1),
	}
	var reason string
	cmd.Flags().StringVar(&reason, "reason", "", "say why: `TEXT` for who has asked, and for the audit log")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		relay, err := conn.client()
		if err != nil {
			return err
		}
		return relay.DenySession(cmd.Context(), args[0], reason)
	}
	return cmd
}
