package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/gdamore/tcell/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// statsdTopOptions holds the flags of statsd top.
type statsdTopOptions struct {
	match, agent string
	containers   bool // rows are containers
	sort         string
	limit        int
	interval     time.Duration
	times        int // refreshes; 0 for no end
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
	o := statsdTopOptions{interval: 2 * time.Second}
	fs := cmd.Flags()
	fs.SortFlags = false
	by := fs.String("by", "metric", "show a row for each `ROW`: metric, container")
	fs.StringVar(&o.agent, "agent", "", "show only tasks on the node `AGENT`")
	fs.StringVar(&o.sort, "sort", "rate", "sort by `COLUMN`: "+strings.Join(statsdTopSorts, ", "))
	fs.IntVar(&o.limit, "limit", 100, "show at most `N` metrics")
	fs.Var((*age)(&o.interval), "interval", "refresh every `DURATION`")
	fs.IntVarP(&o.times, "times", "n", 0,
		"end after `N` refreshes (default: never; without a terminal or with -o, after one)")
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
		if o.agent != "" {
			a, err := findAgent(cmd.Context(), cl, o.agent)
			if err != nil {
				return err
			}
			o.agent = a.AgentID
		}
		if out.format == "" && term.IsTerminal(int(os.Stdout.Fd())) && term.IsTerminal(int(os.Stdin.Fd())) {
			return showStatsDTop(cmd.Context(), cl, o)
		}
		return printStatsDTop(cmd, cl, o, out)
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
	switch {
	case o.limit < 1 || o.limit > 10_000:
		return fmt.Errorf("--limit %d: give a number from 1 to 10000", o.limit)
	case o.interval < 100*time.Millisecond:
		return fmt.Errorf("--interval %v: give 100ms or more", o.interval)
	case o.times < 0:
		return fmt.Errorf("-n %d: give 0 or more", o.times)
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

// printStatsDTop prints a table, or as many as --times says.
func printStatsDTop(cmd *cobra.Command, cl *client.Client, o statsdTopOptions, out *output) error {
	m := &statsdTopModel{options: o}
	w := cmd.OutOrStdout()
	for n := 1; ; n++ {
		s, err := fetchStatsD(cmd.Context(), cl, o)
		if err != nil {
			return err
		}
		if out.data() {
			err = out.print(w, s)
		} else {
			m.answered(s, nil)
			err = m.table().print(w)
		}
		if err != nil || n >= o.times {
			return err
		}
		select {
		case <-time.After(o.interval):
		case <-cmd.Context().Done():
			return nil
		}
		if !out.data() {
			fmt.Fprintln(w)
		}
	}
}

// showStatsDTop draws on the terminal until a key, a signal or --times ends it.
func showStatsDTop(ctx context.Context, cl *client.Client, o statsdTopOptions) error {
	screen, err := tcell.NewScreen()
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		return fmt.Errorf("this terminal (TERM=%s) cannot be drawn on: %w; use -o table", os.Getenv("TERM"), err)
	}
	defer screen.Fini()
	ask := func(ctx context.Context, o statsdTopOptions) (*v1.StatsD, error) { return fetchStatsD(ctx, cl, o) }
	return live(ctx, screen, &statsdTopModel{options: o}, ask)
}
