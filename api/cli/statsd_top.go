package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/spf13/cobra"
)

// statsdTopOptions holds the flags of statsd top.
type statsdTopOptions struct {
	match, agent string
	containers   bool // rows are containers
	sort         string
	limit        int
	refresh      refresh
}

// statsdTopSorts are the columns to sort by.
var statsdTopSorts = []string{"rate", "series", "samples"}

func statsdTopCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top [TASK]",
		Short: "Watch live which metrics and tasks send most to StatsD",
		Long: `Watch live which metrics and tasks send most to StatsD, by rate or by number of
series. With TASK, only tasks with that in their names, ids or tags are shown.
Press ? to see the keys. Without a terminal, or with -o, it prints a table once,
or as many times as -n says.`,
		Example: `  daytwo statsd top
  daytwo statsd top --sort series
  daytwo statsd top --by container
  daytwo statsd top -o json | jq '.metrics[] | {container, name, series, samples_per_second}'`,
		Args: cobra.MaximumNArgs(1),
	}
	var o statsdTopOptions
	fs := cmd.Flags()
	fs.SortFlags = false
	by := fs.String("by", "metric", "show a row for each `ROW`: metric, container")
	fs.StringVar(&o.agent, "agent", "", "show only tasks on the node `AGENT`")
	fs.StringVar(&o.sort, "sort", "rate", "sort by `COLUMN`: "+strings.Join(statsdTopSorts, ", "))
	fs.IntVar(&o.limit, "limit", 100, "show at most `N` metrics")
	o.refresh.flags(fs)
	out := outputFlags(fs, "", "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if err := o.check(*by); err != nil {
			return usageError{err}
		}
		if len(args) > 0 {
			o.match = args[0]
		}
		cl, err := conn.client()
		if err != nil {
			return err
		}
		if o.agent, err = agentID(cmd.Context(), cl, o.agent); err != nil {
			return err
		}
		m := &statsdTopModel{options: o}
		ask := func(ctx context.Context, o statsdTopOptions) (*v1.StatsD, error) { return fetchStatsD(ctx, cl, o) }
		if onTerminal(out) {
			return showLive(cmd.Context(), m, ask)
		}
		return printLive(cmd.Context(), cmd.OutOrStdout(), m, ask, out)
	}
	return cmd
}

func (o *statsdTopOptions) check(by string) error {
	switch by {
	case "metric":
	case "container":
		o.containers = true
	default:
		return fmt.Errorf("--by %s: give metric or container", by)
	}
	if o.limit < 1 || o.limit > 10_000 {
		return fmt.Errorf("--limit %d: give a number from 1 to 10000", o.limit)
	}
	if err := o.refresh.check(); err != nil {
		return err
	}
	for _, s := range statsdTopSorts {
		if s == o.sort {
			return nil
		}
	}
	return fmt.Errorf("--sort %s: there is no such column%s", o.sort, didYouMean(o.sort, statsdTopSorts))
}

// fetchStatsD queries the relay.
func fetchStatsD(ctx context.Context, cl *client.Client, o statsdTopOptions) (*v1.StatsD, error) {
	return cl.StatsD(ctx, client.StatsDQuery{Agent: o.agent, Match: o.match, Sort: o.sort, Limit: o.limit})
}
