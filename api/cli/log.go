package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/v1"
)

func logCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log [FIELD=VALUE]…",
		Short: "Print log entries of the whole fleet, by time",
		Long: `Print log entries of all nodes in one list, by time: of every systemd unit, of
the kernel, and of every container. FIELD=VALUE arguments select entries as
those of journalctl do: values of one field are alternatives, different fields
are all needed, and + stands between groups of which one has to match. Lines that
begin with "-- " say what is missing: what a rate limit suppressed, what was
deleted before it was read, and which node does not answer. With -o cat they are
on standard error.`,
		Example: `  daytwo log
  daytwo log -f -p err
  daytwo log -u ssh.service --since today
  daytwo log --task 'web*' -g 'timeout|refused' --since -1h
  daytwo log _COMM=sshd PRIORITY=3 + _COMM=cron
  daytwo log -o json --agent node7 _COMM=sshd | jq -r .MESSAGE`,
		GroupID: "ask",
	}
	fs := cmd.Flags()
	o := logFlags(fs, "short")
	agents := fs.StringArray("agent", nil,
		"print entries of the node `AGENT`: its id, the beginning of its id, or its hostname; repeatable")
	o.sourceFlags(fs)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.filters = append(o.filters, args...)
		cl, err := o.client(conn)
		if err != nil {
			return err
		}
		v := o.values()
		if err := addAgents(cmd.Context(), cl, v, *agents); err != nil {
			return err
		}
		return o.print(cmd, cl, false, v)
	}
	return cmd
}

// client checks the flags and returns a client.
func (o *logOptions) client(conn *connection) (*client.Client, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return conn.client()
}

// addAgents adds the ids of nodes to a query.
func addAgents(ctx context.Context, cl *client.Client, v url.Values, names []string) error {
	for _, name := range names {
		a, err := findAgent(ctx, cl, name)
		if err != nil {
			return err
		}
		v.Add("agent", a.AgentID)
	}
	return nil
}

func nodeLogCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log AGENT [FIELD=VALUE]…",
		Short: "Print log entries of a node",
		Long: `Print log entries of a node: of its systemd units, its kernel and its containers.
AGENT is its id, the beginning of its id, or its hostname. FIELD=VALUE arguments
select entries as those of journalctl do.`,
		Example: `  daytwo node log node7
  daytwo node log node7 -u docker.service -f
  daytwo node log node7 -p warning --since yesterday --until today
  daytwo node log node7 -b -1 -o short-precise -n 100`,
		Args: cobra.MinimumNArgs(1),
	}
	o := logFlags(cmd.Flags(), "short")
	o.sourceFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.filters = append(o.filters, args[1:]...)
		cl, err := o.client(conn)
		if err != nil {
			return err
		}
		v := o.values()
		if err := addAgents(cmd.Context(), cl, v, args[:1]); err != nil {
			return err
		}
		return o.print(cmd, cl, false, v)
	}
	return cmd
}

func taskLogCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log TASK [stdout|stderr]",
		Short: "Print the output of tasks",
		Long: `Print what tasks wrote to stdout and stderr, or to one of them: the lines as they
were written, or with -o another format. TASK is a name, an id, a part of one of
them, or a pattern (* ? [a-z]). If several tasks match, a header says whose the
lines after it are; with a pattern, --follow includes tasks that start later. Of a
task that has ended, give its whole name or id, or --completed: a part of it is
enough then, too. What is missing of the output is said on standard error.`,
		Example: `  daytwo task log web-1
  daytwo task log web-1 stderr --follow
  daytwo task log 'web*' -n 100 -o short
  daytwo task log job-7 --all > job-7.log`,
		Args: cobra.RangeArgs(1, 2),
	}
	o := logFlags(cmd.Flags(), "cat")
	cmd.Flags().BoolVar(&o.completed, "completed", false, "also print what tasks wrote that have ended and match")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			switch args[1] {
			case "stdout", "stderr":
				o.filters = append(o.filters, "STREAM="+strings.ToUpper(args[1]))
			default:
				return usageError{fmt.Errorf("a task has the logs stdout and stderr, not %q", args[1])}
			}
		}
		cl, err := o.client(conn)
		if err != nil {
			return err
		}
		list, err := cl.Containers(cmd.Context(), client.ContainersQuery{Match: args[0]})
		if err != nil {
			return err
		}
		list = oncePerContainer(list)
		if o.completed {
			if list, err = addEnded(cmd.Context(), cl, args[0], list); err != nil {
				return err
			}
		}
		queries, several := o.ofTasks(args[0], list)
		return o.print(cmd, cl, several, queries...)
	}
	return cmd
}

// ofTasks returns the queries for the tasks that run, or for one that has ended. A
// query that follows is for all of them; otherwise each task has one of its own, and so
// its own number of lines.
func (o *logOptions) ofTasks(name string, list []v1.Container) (queries []url.Values, several bool) {
	exact := list[:0:0]
	for _, c := range list {
		if name == c.ContainerID || name == c.TaskID || name == c.TaskName || name == c.Name {
			exact = append(exact, c)
		}
	}
	if len(exact) > 0 && !o.completed {
		list = exact
	}
	later := o.follow && selectsAll(name, list) // tasks that start later, too
	if later || len(list) == 0 {
		v := o.values()
		v.Set("task", name)
		return []url.Values{v}, later
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b v1.Container) int { return cmp.Compare(a.TaskName, b.TaskName) })
	all := o.values()
	for _, c := range list {
		v := o.values()
		for _, v := range []url.Values{v, all} {
			if c.AgentID != "" {
				v.Add("agent", c.AgentID)
			}
			v.Add("container", c.ContainerID)
		}
		queries = append(queries, v)
	}
	if o.follow {
		queries = []url.Values{all}
	}
	return queries, len(list) > 1
}

// maxEnded bounds the tasks that have ended of which the output is printed.
const maxEnded = 100

// addEnded appends the containers of tasks that have ended, match, and have entries left.
func addEnded(ctx context.Context, cl *client.Client, name string, list []v1.Container) ([]v1.Container, error) {
	pattern := glob.Compile(name)
	if _, plain := pattern.Text(); plain {
		name = "*" + name + "*"
	}
	values, err := cl.LogValues(ctx, url.Values{
		"task": {name}, "field": {"CONTAINER_ID"}, "limit": {strconv.Itoa(maxEnded + len(list))},
	})
	if client.NotFound(err) {
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	running := list
	for _, id := range values.Values {
		if !slices.ContainsFunc(running, func(c v1.Container) bool { return c.ContainerID == id }) {
			list = append(list, v1.Container{ContainerID: id})
		}
	}
	if values.More {
		return nil, fmt.Errorf("more than %d tasks match: give more of the name", maxEnded)
	}
	return list, nil
}

// selectsAll reports whether a name is a pattern that matches the id or the name of each
// task of a list, so that it selects them by itself.
func selectsAll(name string, list []v1.Container) bool {
	pattern := glob.Compile(name)
	_, plain := pattern.Text()
	return !plain && !slices.ContainsFunc(list, func(c v1.Container) bool {
		return !pattern.Match(c.TaskID) && !pattern.Match(c.TaskName)
	})
}
