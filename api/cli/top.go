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

// topOptions holds the flags of top.
type topOptions struct {
	match, agent string
	agents       bool // rows are nodes
	cgroups      bool // other cgroups are rows too
	sort         string
	reverse      bool
	interval     time.Duration
	times        int // refreshes; 0 for no end
}

// topSample is the state of the fleet, as the relay answers it.
type topSample struct {
	Time       time.Time      `json:"time"`
	Agents     []v1.Agent     `json:"agents"`
	Containers []v1.Container `json:"containers"`
}

func topCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top [TASK]",
		Short: "Watch the tasks or the nodes of the fleet live",
		Long: `Watch the tasks or the nodes of the fleet live. With TASK, only tasks with that in
their names, ids or tags are shown. Press ? to see the keys. Without a terminal,
or with -o, it prints a table once, or as many times as -n says.`,
		Example: `  daytwo top
  daytwo top web --sort memory
  daytwo top --by node
  daytwo top -o json | jq '.containers[] | {name, cpu_used_cores}'
  daytwo top -o table -n 3 --interval 5s`,
		Args:    cobra.MaximumNArgs(1),
		GroupID: "ask",
	}
	by := cmd.Flags().String("by", "container", "show a row for each `ROW`: container, node")
	o := topFlags(cmd)
	out := outputFlags(cmd.Flags(), "", "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch *by {
		case "container":
		case "node", "agent":
			o.agents = true
		default:
			return usageError{fmt.Errorf("--by %s: give container or node", *by)}
		}
		if len(args) > 0 {
			o.match = args[0]
		}
		return runTop(cmd, conn, o, out)
	}
	return cmd
}

func nodeTopCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "top",
		Short:   "Watch the nodes live, as 'daytwo top --by node' does",
		Example: "  daytwo node top --sort memory",
		Args:    cobra.NoArgs,
	}
	o := topFlags(cmd)
	o.agents = true
	out := outputFlags(cmd.Flags(), "", "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runTop(cmd, conn, o, out) }
	return cmd
}

func topFlags(cmd *cobra.Command) *topOptions {
	o := new(topOptions)
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&o.agent, "agent", "", "show only the node `AGENT`")
	fs.BoolVar(&o.cgroups, "cgroups", false, "show other cgroups too, such as services and slices")
	fs.StringVar(&o.sort, "sort", "cpu", "sort by `COLUMN`: "+strings.Join(columnNames(), ", "))
	fs.BoolVar(&o.reverse, "reverse", false, "reverse the order")
	o.interval = 2 * time.Second
	fs.Var((*age)(&o.interval), "interval", "refresh every `DURATION`")
	fs.IntVarP(&o.times, "times", "n", 0,
		"end after `N` refreshes (default: never; without a terminal or with -o, after one)")
	return o
}

func runTop(cmd *cobra.Command, conn *connection, o *topOptions, out *output) error {
	if err := out.check(); err != nil {
		return err
	}
	if _, ok := findColumn(o.sort); !ok {
		return usageError{fmt.Errorf("--sort %s: there is no such column%s", o.sort, didYouMean(o.sort, columnNames()))}
	}
	if o.interval < 100*time.Millisecond {
		return usageError{fmt.Errorf("--interval %v: give 100ms or more", o.interval)}
	}
	if o.times < 0 {
		return usageError{fmt.Errorf("-n %d: give 0 or more", o.times)}
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
		return showTop(cmd.Context(), cl, *o)
	}
	return printTop(cmd, cl, *o, out)
}

// fetchTop queries the relay.
func fetchTop(ctx context.Context, cl *client.Client, o topOptions) (*topSample, error) {
	agents, err := cl.Agents(ctx)
	if err != nil {
		return nil, err
	}
	s := &topSample{Time: time.Now(), Agents: nonNil(agents)}
	if o.agent != "" {
		s.Agents = s.Agents[:0]
		for _, a := range agents {
			if a.AgentID == o.agent {
				s.Agents = append(s.Agents, a)
			}
		}
	}
	list, err := cl.Containers(ctx, client.ContainersQuery{Agent: o.agent, Match: o.match, All: o.cgroups})
	s.Containers = nonNil(list)
	return s, err
}

// printTop prints a table, or as many as --times says.
func printTop(cmd *cobra.Command, cl *client.Client, o topOptions, out *output) error {
	m := newTopModel(o)
	w := cmd.OutOrStdout()
	for n := 1; ; n++ {
		s, err := fetchTop(cmd.Context(), cl, o)
		if err != nil {
			return err
		}
		if out.data() {
			err = out.print(w, s)
		} else {
			m.update(s)
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

// showTop draws on the terminal until a key, a signal or --times ends it.
func showTop(ctx context.Context, cl *client.Client, o topOptions) error {
	screen, err := tcell.NewScreen()
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		return fmt.Errorf("this terminal (TERM=%s) cannot be drawn on: %w; use -o table", os.Getenv("TERM"), err)
	}
	defer screen.Fini()
	ask := func(ctx context.Context, o topOptions) (*topSample, error) { return fetchTop(ctx, cl, o) }
	return live(ctx, screen, newTopModel(o), ask)
}
