package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/spf13/cobra"
)

func nodeCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "node",
		Short:   "Nodes of the fleet: list, show, metrics, top",
		GroupID: "ask",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	metrics := &cobra.Command{
		Use:   "metrics",
		Short: "Metrics of a node: summary, details",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	metrics.AddCommand(nodeSummaryCommand(conn), nodeDetailsCommand(conn))
	cmd.AddCommand(nodeListCommand(conn), nodeShowCommand(conn), metrics, nodeTopCommand(conn))
	return cmd
}

func nodeListCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the nodes",
		Example: `  daytwo node list
  daytwo node list -o json | jq -r '.[] | select(.stale) | .agent_id'`,
		Args: cobra.NoArgs,
	}
	out := outputFlags(cmd.Flags(), "table", "wide", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		cl, err := conn.client()
		if err != nil {
			return err
		}
		agents, err := cl.Agents(cmd.Context())
		if err != nil {
			return err
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), nonNil(agents))
		}
		return agentTable(agents, out.wide(), time.Now()).print(cmd.OutOrStdout())
	}
	return cmd
}

func agentTable(agents []v1.Agent, wide bool, now time.Time) *table {
	var t table
	names := []string{"AGENT", "HOSTNAME", "STATE", ">CONTAINERS", ">CPU", ">CORES", ">LOAD", ">MEM USED", ">MEM TOTAL", ">UPTIME"}
	if wide {
		names = append(names, ">CGROUPS", ">INTERVAL", ">TICKS", ">MISSING", ">AGE", "BOOT")
	}
	t.header(names...)
	for i := range agents {
		a := &agents[i]
		row := []string{a.AgentID, a.Hostname, agentState(a, now), strconv.Itoa(a.Containers), coresOf(a.CPUUsed), countOf(a.Cores), numberOf(a.Load1),
			bytesOf(memoryUsed(a)), bytesOf(a.MemoryTotal), uptimeOf(a)}
		if wide {
			row = append(row, strconv.Itoa(a.Cgroups), seconds(a.Interval).String(), strconv.FormatUint(a.Seq, 10), strconv.FormatUint(a.Missing, 10), since(now.Sub(a.Time)), a.Boot)
		}
		t.row(row...)
	}
	return &t
}

// agentState is the agent's state, and for how long nothing has come if it is
// stale.
func agentState(a *v1.Agent, now time.Time) string {
	if a.Stale {
		return a.State() + " " + since(now.Sub(a.Time))
	}
	return a.State()
}

// memoryUsed is what is not available.
func memoryUsed(a *v1.Agent) *int64 {
	if a.MemoryTotal == nil || a.MemoryAvailable == nil {
		return nil
	}
	used := *a.MemoryTotal - *a.MemoryAvailable
	return &used
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func uptimeOf(a *v1.Agent) string {
	if a.Uptime == nil {
		return absent
	}
	return since(seconds(*a.Uptime))
}

func nodeShowCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show AGENT",
		Short:   "Show one node",
		Long:    "Show one node, named by its id, a part of it that only it begins with, or its hostname.",
		Example: "  daytwo node show web1",
		Args:    oneArg("AGENT"),
	}
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		cl, err := conn.client()
		if err != nil {
			return err
		}
		a, err := findAgent(cmd.Context(), cl, args[0])
		if err != nil {
			return err
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), a)
		}
		now := time.Now()
		var t table
		t.row("Agent", a.AgentID)
		t.row("Hostname", a.Hostname)
		t.row("State", agentState(a, now))
		t.row("Last tick", a.Time.Local().Format(time.DateTime)+" (#"+strconv.FormatUint(a.Seq, 10)+", every "+seconds(a.Interval).String()+")")
		t.row("Missing ticks", strconv.FormatUint(a.Missing, 10))
		t.row("Containers", strconv.Itoa(a.Containers))
		t.row("Cgroups", strconv.Itoa(a.Cgroups))
		t.row("CPU", coresOf(a.CPUUsed)+" of "+countOf(a.Cores)+" cores")
		t.row("Load", numberOf(a.Load1))
		t.row("Memory", bytesOf(memoryUsed(a))+" of "+bytesOf(a.MemoryTotal))
		t.row("Uptime", uptimeOf(a))
		return t.print(cmd.OutOrStdout())
	}
	return cmd
}

// findAgent finds the one node that name means.
func findAgent(ctx context.Context, cl *client.Client, name string) (*v1.Agent, error) {
	agents, err := cl.Agents(ctx)
	if err != nil {
		return nil, err
	}
	var near []*v1.Agent
	var ids []string
	for i := range agents {
		a := &agents[i]
		if a.AgentID == name {
			return a, nil
		}
		if a.Hostname == name || strings.HasPrefix(a.AgentID, name) {
			near = append(near, a)
		}
		ids = append(ids, a.AgentID, a.Hostname)
	}
	switch len(near) {
	case 1:
		return near[0], nil
	case 0:
		return nil, fmt.Errorf("no node %q%s ('daytwo node list' lists the %d there are)", name, strings.TrimSuffix(didYouMean(name, ids), "?"), len(agents))
	}
	return nil, fmt.Errorf("%q means %d nodes, %s and %s among them: give the whole id", name, len(near), near[0].AgentID, near[1].AgentID)
}
