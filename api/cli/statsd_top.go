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

// sentOptions is what the flags of statsd top say.
type sentOptions struct {
	match, agent string
	containers   bool // rows are containers, by their ledgers
	sort         string
	limit        int
	interval     time.Duration
	times        int // refreshes, 0 for no end
}

// sentSorts are the orders of rows.
var sentSorts = []string{"rate", "series", "samples"}

func statsdTopCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top [TASK]",
		Short: "Watch live which metric, which container costs most",
		Long: `Watch live what tasks send to StatsD: which metric, which container costs most,
by rate and by cardinality. TASK narrows it to containers with that in their
names, ids or tags. Without a terminal, or with -o, it prints once, or as often
as -n says. Press ? in it for its keys.`,
		Example: `  daytwo statsd top
  daytwo statsd top --sort series
  daytwo statsd top --by container
  daytwo statsd top -o json | jq '.metrics[] | {container, name, series, samples_per_second}'`,
		Args: cobra.MaximumNArgs(1),
	}
	o := sentOptions{interval: 2 * time.Second}
	fs := cmd.Flags()
	fs.SortFlags = false
	by := fs.String("by", "metric", "rows are `ROWS`: metric, container")
	fs.StringVar(&o.agent, "agent", "", "only node `AGENT`")
	fs.StringVar(&o.sort, "sort", "rate", "sort by `COLUMN`: "+strings.Join(sentSorts, ", "))
	fs.IntVar(&o.limit, "limit", 100, "show at most `N` metrics")
	fs.Var((*age)(&o.interval), "interval", "ask every `DURATION`")
	fs.IntVarP(&o.times, "times", "n", 0, "end after `N` refreshes (default: no end; once without a terminal or with -o)")
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
			return sentOnScreen(cmd.Context(), cl, o)
		}
		return sentOnce(cmd, cl, o, out)
	}
	return cmd
}

func (o *sentOptions) check(by string) error {
	switch by {
	case "metric":
	case "container":
		o.containers = true
	default:
		return fmt.Errorf("--by %s: want metric or container", by)
	}
	switch {
	case o.limit < 1 || o.limit > 10_000:
		return fmt.Errorf("--limit %d: want 1 to 10000", o.limit)
	case o.interval < 100*time.Millisecond:
		return fmt.Errorf("--interval %v: want 100ms or more", o.interval)
	case o.times < 0:
		return fmt.Errorf("-n %d: want 0 or more", o.times)
	}
	for _, s := range sentSorts {
		if s == o.sort {
			return nil
		}
	}
	return fmt.Errorf("--sort %s: no such column%s", o.sort, didYouMean(o.sort, sentSorts))
}

func fetchSent(ctx context.Context, cl *client.Client, o sentOptions) (*v1.StatsD, error) {
	return cl.StatsD(ctx, client.StatsDQuery{Agent: o.agent, Match: o.match, Sort: o.sort, Limit: o.limit})
}

// sentOnce prints answers one after the other.
func sentOnce(cmd *cobra.Command, cl *client.Client, o sentOptions, out *output) error {
	m := &sentModel{options: o}
	w := cmd.OutOrStdout()
	for n := 1; ; n++ {
		s, err := fetchSent(cmd.Context(), cl, o)
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

func sentOnScreen(ctx context.Context, cl *client.Client, o sentOptions) error {
	screen, err := tcell.NewScreen()
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		return fmt.Errorf("this terminal (TERM=%s) cannot show it: %w; -o table prints it", os.Getenv("TERM"), err)
	}
	defer screen.Fini()
	return live[sentOptions, *v1.StatsD](ctx, screen, &sentModel{options: o}, func(ctx context.Context, o sentOptions) (*v1.StatsD, error) {
		return fetchSent(ctx, cl, o)
	})
}
