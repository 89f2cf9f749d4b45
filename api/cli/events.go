package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// eventOptions holds the flags of the commands that list events.
type eventOptions struct {
	q      client.EventsQuery
	follow bool
	out    *output
}

func eventFlags(fs *pflag.FlagSet) *eventOptions {
	o := &eventOptions{q: client.EventsQuery{Since: time.Hour}}
	fs.SortFlags = false
	fs.StringVar(&o.q.Match, "match", "",
		"list only events with `TEXT` in them or in the tags of their task; "+
			"TEXT may be a pattern (* ? [a-z]), or key=value,key=value")
	fs.Var((*age)(&o.q.Since), "since", "list events of the last `DURATION`")
	fs.IntVar(&o.q.Limit, "limit", 100, "list only the newest `N` events")
	fs.BoolVarP(&o.follow, "follow", "f", false, "wait for new events and print them, until interrupted")
	o.out = outputFlags(fs, "table", "wide", "json", "yaml")
	return o
}

func (o *eventOptions) check() error {
	if err := o.out.check(); err != nil {
		return err
	}
	switch {
	case o.q.Limit < 1 || o.q.Limit > followLimit:
		return usageError{fmt.Errorf("--limit %d: give a number from 1 to %d", o.q.Limit, followLimit)}
	case o.q.Since <= 0:
		return usageError{errors.New("--since: give a duration above 0, such as 15m")}
	case o.follow && o.out.format == "yaml":
		return usageError{errors.New("--follow does not work with -o yaml: use table, wide or json, an object per line")}
	}
	return nil
}

func eventsCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List the events that tasks sent, and changes of their service checks",
		Long: `List what tasks sent by DogStatsD: events, and service checks whose status
changed, oldest first. 'daytwo task events TASK' lists those of one task.

--follow also prints new ones as they arrive. Those that reach the relay more
than a minute late, for example after an outage of NATS, are not printed then;
the command lists them when it is run again.`,
		Example: `  daytwo events
  daytwo events --since 24h --match alert_type=error
  daytwo events --match 'title=deploy*' --agent node7
  daytwo events --follow -o json | jq -r 'select(.check) | .title'`,
		GroupID: "ask",
		Args:    cobra.NoArgs,
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	agent := fs.String("agent", "", "list only events from the node `AGENT`")
	container := fs.String("container", "", "list only events of `CONTAINER`: its whole id, its task's id, or its name")
	o := eventFlags(fs)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(); err != nil {
			return err
		}
		cl, err := conn.client()
		if err != nil {
			return err
		}
		o.q.Container = *container
		if o.q.Agent, err = agentID(cmd.Context(), cl, *agent); err != nil {
			return err
		}
		return o.run(cmd, cl, true)
	}
	return cmd
}

func taskEventsCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events TASK",
		Short: "List the events that a task sent, and changes of its service checks",
		Long: `List what a task sent by DogStatsD: events, and service checks whose status
changed, oldest first. For a task that no longer exists, give its whole name or
id.`,
		Example: `  daytwo task events web-1
  daytwo task events web-1 --since 24h --match alert_type=error
  daytwo task events web-1 --follow`,
		Args: oneArg("TASK"),
	}
	o := eventFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(); err != nil {
			return err
		}
		cl, err := conn.client()
		if err != nil {
			return err
		}
		c, err := findTask(cmd.Context(), cl, args[0])
		if err == nil {
			o.q.Agent, o.q.Container = c.AgentID, c.ContainerID
			return o.run(cmd, cl, false)
		}
		o.q.Container = args[0]
		if list, gone := cl.Events(cmd.Context(), o.q); gone != nil || len(list) == 0 {
			return err
		}
		return o.run(cmd, cl, false)
	}
	return cmd
}

// run prints the events; senders adds columns for their senders.
func (o *eventOptions) run(cmd *cobra.Command, cl *client.Client, senders bool) error {
	w := cmd.OutOrStdout()
	var t table
	show := func(list []v1.Event) error {
		o.rows(&t, list, senders)
		return t.print(w)
	}
	if !o.follow {
		list, err := cl.Events(cmd.Context(), o.q)
		switch {
		case err != nil:
			return err
		case o.out.data():
			return o.out.print(w, nonNil(list))
		}
		o.header(&t, senders)
		return show(list)
	}
	if o.out.data() {
		show = func(list []v1.Event) error { return eventLines(w, list) }
	} else {
		o.header(&t, senders)
	}
	return o.followEvents(cmd.Context(), cl.Events, show)
}
