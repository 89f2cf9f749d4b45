package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
)

// question holds the flags that say about whom and what is asked.
type question struct {
	file   string
	as     string
	groups []string
	tags   []string
}

const questionHelp = `ACTION is create, read, update, delete or full. RESOURCE is an id, also one that
names an application, as in dcos:mesos:agent:sandbox:app_id:/shop:

%s
Tags say what it is about. Without them, only rules that are not narrowed by
where can allow it. The keys are those of where: agent, application, framework,
task, executor, container, image, namespace, label.KEY, and user for sessions.

A relay answers by the policy that it has now: everybody about themselves, and
about others who may read daytwo:policy. With --policy the answer is made of the
file alone; no relay is asked.`

// resourceList returns the resources and their actions, a line each.
func resourceList() string {
	var b strings.Builder
	for _, info := range policy.Resources() {
		var words []string
		for _, a := range info.Actions {
			words = append(words, a.String())
		}
		if info.ID == policy.Superuser.String() {
			words = []string{policy.Full.String()}
		}
		fmt.Fprintf(&b, "  %-42s %s\n", info.ID, strings.Join(words, ", "))
	}
	return b.String()
}

// questionCommand completes a command that asks a policy.
func questionCommand(
	conn *connection, cmd *cobra.Command, answer func(io.Writer, *output, *policy.Explanation) error,
) *cobra.Command {
	var q question
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&q.as, "as", "", "ask about the user `NAME` (default: the user who asks the relay)")
	fs.StringSliceVar(&q.groups, "groups", nil,
		"the user is in `GROUPS`, separated by commas, beside those of the policy and of local users")
	fs.StringVar(&q.file, "policy", "", "ask the policy in `FILE`, and no relay")
	fs.StringArrayVar(&q.tags, "tag", nil, "about what has a tag `KEY=VALUE`; may be given more than once")
	out := outputFlags(fs, "table", "json", "yaml")
	cmd.Long += "\n\n" + fmt.Sprintf(questionHelp, resourceList())
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 2 {
			return fmt.Errorf("give ACTION and RESOURCE, not %d arguments", len(args))
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		e, err := q.ask(cmd.Context(), conn, args[0], args[1])
		if err != nil {
			return err
		}
		if err := answer(cmd.OutOrStdout(), out, e); err != nil {
			return err
		}
		if !e.Allowed {
			return errFailed
		}
		return nil
	}
	return cmd
}

// ask asks whether the user may do an action with a resource.
func (q *question) ask(ctx context.Context, conn *connection, action, id string) (*policy.Explanation, error) {
	asked, err := policy.ParseQuestion(action, id, q.tags)
	if err != nil {
		return nil, usageError{err}
	}
	if q.file == "" {
		return q.askRelay(ctx, conn, action, id)
	}
	if q.as == "" {
		return nil, usageError{errors.New("give the user that the file is asked about: --as NAME")}
	}
	who, err := auth.NewPrincipal(q.as, q.groups, auth.MethodAssumed, time.Time{})
	if err != nil {
		return nil, usageError{err}
	}
	p, err := policy.Load(q.file)
	if err != nil {
		return nil, err
	}
	e := p.Explain(who, asked.Action, asked.Resource, &asked.Tags)
	return &e, nil
}

// askRelay asks a relay, about the user who asks or, with --as or --groups, about another.
func (q *question) askRelay(ctx context.Context, conn *connection, action, id string) (*policy.Explanation, error) {
	v := url.Values{"action": {action}, "resource": {id}}
	if len(q.tags) > 0 {
		v["tag"] = q.tags
	}
	if q.as != "" {
		v.Set("as", q.as)
	}
	if len(q.groups) > 0 {
		v.Set("groups", strings.Join(q.groups, ","))
	}
	c, err := conn.client()
	if err != nil {
		return nil, err
	}
	e := new(policy.Explanation)
	return e, c.Explain(ctx, v, e)
}

func canICommand(conn *connection) *cobra.Command {
	return questionCommand(conn, &cobra.Command{
		Use:   "can-i ACTION RESOURCE [--as NAME] [--groups GROUPS] [--tag KEY=VALUE] [--policy FILE]",
		Short: "Say whether a user may do something",
		Long:  `Say whether a user may do something: yes, or no with exit status 1.`,
		Example: `  daytwo auth can-i read dcos:adminrouter:ops:system-logs --url https://relay.example:8400
  daytwo auth can-i update daytwo:sinks --as ann
  daytwo auth can-i read dcos:adminrouter:ops:system-logs --policy policy.yaml --as ann --tag agent=node-1
  daytwo auth can-i create dcos:mesos:agent:nested_container_session:app_id:/shop --policy policy.yaml --as ann
  daytwo auth can-i update daytwo:sinks --policy policy.yaml --as bob --groups ops,dev && echo allowed`,
		DisableFlagsInUseLine: true,
	}, func(w io.Writer, out *output, e *policy.Explanation) error {
		if out.data() {
			return out.print(w, struct {
				policy.Decision
				Reason string `json:"reason"`
			}{e.Decision, e.Reason})
		}
		_, err := fmt.Fprintln(w, printable(verdict(e)))
		return err
	})
}

// verdict says yes or no, and why.
func verdict(e *policy.Explanation) string {
	if e.Allowed && e.Rule == 0 {
		return "yes: " + e.Reason
	}
	if !e.Allowed {
		return "no: " + e.Reason
	}
	with := ""
	if e.Approval != nil {
		with = " with the approval of " + strings.Join(e.Approval.By, " or ")
	}
	if e.Name != "" {
		return fmt.Sprintf("yes: rule %d (%s, line %d) allows it%s", e.Rule, e.Name, e.Line, with)
	}
	return fmt.Sprintf("yes: rule %d (line %d) allows it%s", e.Rule, e.Line, with)
}

func explainCommand(conn *connection) *cobra.Command {
	return questionCommand(conn, &cobra.Command{
		Use:   "explain ACTION RESOURCE [--as NAME] [--groups GROUPS] [--tag KEY=VALUE] [--policy FILE]",
		Short: "Show which rules are for a user, and what each says about something",
		Long: `Show which rules are for a user, what each says about something, and which of them
decides: the first that allows it. The exit status is 1 if none does.`,
		Example: `  daytwo auth explain read dcos:adminrouter:ops:system-logs --as ann --tag task=web
  daytwo auth explain read dcos:adminrouter:ops:system-logs --policy policy.yaml --as ann --tag task=web
  daytwo auth explain full daytwo:users --policy policy.yaml --as bob --groups ops -o json`,
		DisableFlagsInUseLine: true,
	}, func(w io.Writer, out *output, e *policy.Explanation) error {
		if out.data() {
			return out.print(w, e)
		}
		var head table
		head.row("User", e.User)
		head.row("Groups", strings.Join(e.Groups, ", "))
		head.row("Wants", e.Action+" "+e.Resource)
		head.row("Answer", verdict(e))
		if err := head.print(w); err != nil {
			return err
		}
		if len(e.Rules) > 0 {
			var t table
			t.header("RULE", ">LINE", "ALLOWS", "WHY")
			for _, r := range e.Rules {
				allows := "no"
				switch {
				case r.Decides:
					allows = "decides"
				case r.Allows:
					allows = "yes"
				}
				name := strconv.Itoa(r.Rule)
				if r.Name != "" {
					name += " " + r.Name
				}
				t.row(name, strconv.Itoa(r.Line), allows, r.Reason)
			}
			fmt.Fprintln(w)
			if err := t.print(w); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(w, "\n%d of %d rules are for this user.\n", len(e.Rules), len(e.Rules)+e.Others)
		return err
	})
}
