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

func nodeCommand(conn *connection, p Programs) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "node",
		Short:   "Look after the nodes of the fleet: list, show, log, metrics, top, exec, enroll",
		GroupID: "ask",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	metrics := &cobra.Command{
		Use:   "metrics",
		Short: "Show the metrics of a node: summary, details",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	metrics.AddCommand(nodeSummaryCommand(conn), nodeDetailsCommand(conn))
	cmd.AddCommand(nodeListCommand(conn), nodeShowCommand(conn), metrics, nodeTopCommand(conn), nodeLogCommand(conn),
		nodeExecCommand(conn), nodeShellCommand(conn))
	if p.Keys != nil {
		cmd.AddCommand(nodeCodeCommand(conn, p.Keys), nodeEnrollCommand(conn, p), nodeEnrolledCommand(conn, p.Keys),
			nodeRevokeCommand(conn, p.Keys))
	}
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

// agentTable returns a row per node; wide adds columns about its ticks.
func agentTable(agents []v1.Agent, wide bool, now time.Time) *table {
	var t table
	names := []string{
		"AGENT", "HOSTNAME", "STATE", ">CONTAINERS", ">CPU", ">CORES", ">LOAD", ">MEM USED", ">MEM TOTAL", ">UPTIME",
	}
	if wide {
		names = append(names, ">CGROUPS", ">INTERVAL", ">TICKS", ">MISSING", ">AGE", "BOOT")
	}
	t.header(names...)
	for i := range agents {
		a := &agents[i]
		row := []string{
			a.AgentID, a.Hostname, agentState(a, now), strconv.Itoa(a.Containers), formatCores(a.CPUUsed),
			countOf(a.Cores), numberOf(a.Load1), bytesOf(memoryUsed(a)), bytesOf(a.MemoryTotal), uptimeOf(a),
		}
		if wide {
			row = append(row, strconv.Itoa(a.Cgroups), seconds(a.Interval).String(), strconv.FormatUint(a.Seq, 10),
				strconv.FormatUint(a.Missing, 10), formatDuration(now.Sub(a.Time)), a.Boot)
		}
		t.row(row...)
	}
	return &t
}

// agentState returns the state of a node, and if it is stale, how long ago its last
// tick was.
func agentState(a *v1.Agent, now time.Time) string {
	if a.Stale {
		return a.State() + " " + formatDuration(now.Sub(a.Time))
	}
	return a.State()
}

// memoryUsed returns the bytes of memory that are not available to programs.
func memoryUsed(a *v1.Agent) *int64 {
	if a.MemoryTotal == nil || a.MemoryAvailable == nil {
		return nil
	}
	used := *a.MemoryTotal - *a.MemoryAvailable
	return &used
}

// seconds converts from seconds.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// uptimeOf formats how long a node has been up.
func uptimeOf(a *v1.Agent) string {
	if a.Uptime == nil {
		return absent
	}
	return formatDuration(seconds(*a.Uptime))
}

func nodeShowCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show AGENT",
		Short:   "Show one node",
		Long:    "Show one node. AGENT is its id, the beginning of its id, or its hostname.",
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
		at := a.Time.Local().Format(time.DateTime)
		t.row("Last tick", fmt.Sprintf("%s (#%d, every %v)", at, a.Seq, seconds(a.Interval)))
		t.row("Missing ticks", strconv.FormatUint(a.Missing, 10))
		t.row("Containers", strconv.Itoa(a.Containers))
		t.row("Cgroups", strconv.Itoa(a.Cgroups))
		t.row("CPU", formatCores(a.CPUUsed)+" of "+countOf(a.Cores)+" cores")
		t.row("Load", numberOf(a.Load1))
		t.row("Memory", bytesOf(memoryUsed(a))+" of "+bytesOf(a.MemoryTotal))
		t.row("Uptime", uptimeOf(a))
		return t.print(cmd.OutOrStdout())
	}
	return cmd
}

// agentID returns the id of the only node with an id, the beginning of an id or a hostname;
// "" of "".
func agentID(ctx context.Context, cl *client.Client, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	a, err := findAgent(ctx, cl, name)
	if err != nil {
		return "", err
	}
	return a.AgentID, nil
}

// findAgent returns the only node with an id, the beginning of an id or a hostname.
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
		hint := strings.TrimSuffix(didYouMean(name, ids), "?")
		return nil, fmt.Errorf("there is no node %q%s ('daytwo node list' lists all %d)", name, hint, len(agents))
	}
	return nil, fmt.Errorf("%d nodes match %q, among them %s and %s: give the whole id",
		len(near), name, near[0].AgentID, near[1].AgentID)
}
