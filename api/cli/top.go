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

// topOptions is what the flags of top say.
type topOptions struct {
	match, agent string
	agents       bool // rows are nodes
	cgroups      bool // also cgroups that are no containers
	sort         string
	reverse      bool
	interval     time.Duration
	times        int // refreshes, 0 for no end
}

// sample is one answer of the relay.
type sample struct {
	Time       time.Time      `json:"time"`
	Agents     []v1.Agent     `json:"agents"`
	Containers []v1.Container `json:"containers"`
}

func topCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top [TASK]",
		Short: "Watch the fleet live, by container or by node",
		Long: `Watch the fleet live, by container or by node. TASK narrows it to containers
with that in their names, ids or tags. Without a terminal, or with -o, it prints
once, or as often as -n says. Press ? in it for its keys.`,
		Example: `  daytwo top
  daytwo top web --sort memory
  daytwo top --by node
  daytwo top -o json | jq '.containers[] | {name, cpu_used_cores}'
  daytwo top -o table -n 3 --interval 5s`,
		Args:    cobra.MaximumNArgs(1),
		GroupID: "ask",
	}
	by := cmd.Flags().String("by", "container", "rows are `ROWS`: container, node")
	o := topFlags(cmd)
	out := outputFlags(cmd.Flags(), "", "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch *by {
		case "container":
		case "node", "agent":
			o.agents = true
		default:
			return usageError{fmt.Errorf("--by %s: want container or node", *by)}
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
		Short:   "Watch the nodes live (daytwo top --by node)",
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
	fs.StringVar(&o.agent, "agent", "", "only node `AGENT`")
	fs.BoolVar(&o.cgroups, "cgroups", false, "also cgroups that are no containers: services, slices")
	fs.StringVar(&o.sort, "sort", "cpu", "sort by `COLUMN`: "+strings.Join(columnNames(), ", "))
	fs.BoolVar(&o.reverse, "reverse", false, "sort the other way round")
	o.interval = 2 * time.Second
	fs.Var((*age)(&o.interval), "interval", "ask every `DURATION`")
	fs.IntVarP(&o.times, "times", "n", 0, "end after `N` refreshes (default: no end; once without a terminal or with -o)")
	return o
}

func runTop(cmd *cobra.Command, conn *connection, o *topOptions, out *output) error {
	if err := out.check(); err != nil {
		return err
	}
	if _, ok := findColumn(o.sort); !ok {
		return usageError{fmt.Errorf("--sort %s: no such column%s", o.sort, didYouMean(o.sort, columnNames()))}
	}
	if o.interval < 100*time.Millisecond {
		return usageError{fmt.Errorf("--interval %v: want 100ms or more", o.interval)}
	}
	if o.times < 0 {
		return usageError{fmt.Errorf("-n %d: want 0 or more", o.times)}
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
		return topOnScreen(cmd.Context(), cl, *o)
	}
	return topOnce(cmd, cl, *o, out)
}

func fetch(ctx context.Context, cl *client.Client, o topOptions) (*sample, error) {
	agents, err := cl.Agents(ctx)
	if err != nil {
		return nil, err
	}
	s := &sample{Time: time.Now(), Agents: nonNil(agents)}
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

// topOnce prints samples one after the other.
func topOnce(cmd *cobra.Command, cl *client.Client, o topOptions, out *output) error {
	m := newModel(o)
	w := cmd.OutOrStdout()
	for n := 1; ; n++ {
		s, err := fetch(cmd.Context(), cl, o)
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

// topOnScreen runs until a key, a signal or the number of refreshes ends it.
func topOnScreen(ctx context.Context, cl *client.Client, o topOptions) error {
	screen, err := tcell.NewScreen()
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		return fmt.Errorf("this terminal (TERM=%s) cannot show it: %w; -o table prints it", os.Getenv("TERM"), err)
	}
	defer screen.Fini()
	return live[topOptions, *sample](ctx, screen, newModel(o), func(ctx context.Context, o topOptions) (*sample, error) { return fetch(ctx, cl, o) })
}
