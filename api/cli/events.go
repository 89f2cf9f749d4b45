package cli

import (
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// eventOptions is what the flags of commands that list events say.
type eventOptions struct {
	q      client.EventsQuery
	follow bool
	out    *output
}

func eventFlags(fs *pflag.FlagSet) *eventOptions {
	o := &eventOptions{q: client.EventsQuery{Since: time.Hour}}
	fs.SortFlags = false
	fs.StringVar(&o.q.Match, "match", "", "only those with `TEXT` in them or in what is known of their sender; or a pattern (* ? [a-z]), or key=value,key=value")
	fs.Var((*age)(&o.q.Since), "since", "of the last `DURATION`")
	fs.IntVar(&o.q.Limit, "limit", 100, "the newest `N`")
	fs.BoolVarP(&o.follow, "follow", "f", false, "go on with those that come, until interrupted")
	o.out = outputFlags(fs, "table", "wide", "json", "yaml")
	return o
}

func (o *eventOptions) check() error {
	if err := o.out.check(); err != nil {
		return err
	}
	switch {
	case o.q.Limit < 1 || o.q.Limit > followLimit:
		return usageError{fmt.Errorf("--limit %d: want a number from 1 to %d", o.q.Limit, followLimit)}
	case o.q.Since <= 0:
		return usageError{fmt.Errorf("--since: want more than nothing, for example 15m")}
	case o.follow && o.out.format == "yaml":
		return usageError{fmt.Errorf("--follow: want -o table, wide or json, which is an object a line then")}
	}
	return nil
}

func eventsCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "What tasks told of: events, and changes of service checks",
		Long: `What tasks told of by DogStatsD: events, and changes of service checks' status,
oldest first. 'daytwo task events TASK' lists those of one task.

With --follow it goes on with what comes. What reaches the relay more than a
minute late (after an outage of NATS) is not told then, but listed ever after.`,
		Example: `  daytwo events
  daytwo events --since 24h --match alert_type=error
  daytwo events --match 'title=deploy*' --agent node7
  daytwo events --follow -o json | jq -r 'select(.check) | .title'`,
		GroupID: "ask",
		Args:    cobra.NoArgs,
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	agent := fs.String("agent", "", "only those of node `AGENT`")
	container := fs.String("container", "", "only those of `CONTAINER`: its id, its task's id, or its name, whole")
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
		if *agent != "" {
			a, err := findAgent(cmd.Context(), cl, *agent)
			if err != nil {
				return err
			}
			o.q.Agent = a.AgentID
		}
		return o.run(cmd, cl, true)
	}
	return cmd
}

func taskEventsCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events TASK",
		Short: "Events of a container, and changes of its service checks",
		Long: `What a container told of by DogStatsD: events, and changes of its service
checks' status, oldest first. One that is gone is found by its whole name or id.`,
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

// run lists what is asked for. whose says whether the senders are named.
func (o *eventOptions) run(cmd *cobra.Command, cl *client.Client, whose bool) error {
	w := cmd.OutOrStdout()
	var t table
	show := func(list []v1.Event) error {
		o.rows(&t, list, whose)
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
		o.header(&t, whose)
		return show(list)
	}
	if o.out.data() {
		show = func(list []v1.Event) error { return eventLines(w, list) }
	} else {
		o.header(&t, whose)
	}
	return o.followEvents(cmd.Context(), cl.Events, show)
}
