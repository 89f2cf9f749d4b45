package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/spf13/cobra"
)

// topOptions holds the flags of top.
type topOptions struct {
	match, agent string
	agents       bool // rows are nodes
	cgroups      bool // other cgroups are rows too
	sort         string
	reverse      bool
	refresh      refresh
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
	o.refresh.flags(fs)
	return o
}

func runTop(cmd *cobra.Command, conn *connection, o *topOptions, out *output) error {
	if err := out.check(); err != nil {
		return err
	}
	if _, ok := findColumn(o.sort); !ok {
		return usageError{fmt.Errorf("--sort %s: there is no such column%s", o.sort, didYouMean(o.sort, columnNames()))}
	}
	if err := o.refresh.check(); err != nil {
		return usageError{err}
	}
	cl, err := conn.client()
	if err != nil {
		return err
	}
	if o.agent, err = agentID(cmd.Context(), cl, o.agent); err != nil {
		return err
	}
	ask := func(ctx context.Context, o topOptions) (*topSample, error) { return fetchTop(ctx, cl, o) }
	if onTerminal(out) {
		return showLive(cmd.Context(), newTopModel(*o), ask)
	}
	return printLive(cmd.Context(), cmd.OutOrStdout(), newTopModel(*o), ask, out)
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
