package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/spf13/cobra"
)

// nodeSummary has the values that 'dcos node metrics summary' prints.
type nodeSummary struct {
	AgentID     string   `json:"agent_id"`
	CPUPercent  *float64 `json:"cpu_percent,omitempty"`
	Load1       *float64 `json:"load_1m,omitempty"`
	MemoryUsed  *float64 `json:"memory_used_bytes,omitempty"`
	MemoryTotal *float64 `json:"memory_total_bytes,omitempty"`
	DiskUsed    *float64 `json:"disk_used_bytes,omitempty"`
	DiskTotal   *float64 `json:"disk_total_bytes,omitempty"`
}

func nodeSummaryCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "summary AGENT",
		Short:   "Show the CPU, load, memory and root disk of a node",
		Example: "  daytwo node metrics summary web1",
		Args:    oneArg("AGENT"),
	}
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, agent, err := nodeMetrics(cmd, conn, out, args[0])
		if err != nil {
			return err
		}
		s := nodeSummary{
			AgentID:     agent,
			CPUPercent:  datapoint(m, "cpu.total", ""),
			Load1:       datapoint(m, "load.1min", ""),
			MemoryTotal: datapoint(m, "memory.total", ""),
			DiskUsed:    datapoint(m, "filesystem.capacity.used", "/"),
			DiskTotal:   datapoint(m, "filesystem.capacity.total", "/"),
		}
		if free := datapoint(m, "memory.free", ""); free != nil && s.MemoryTotal != nil {
			used := *s.MemoryTotal - *free
			s.MemoryUsed = &used
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), s)
		}
		cpu := absent
		if s.CPUPercent != nil {
			cpu = fmt.Sprintf("%.2f%%", *s.CPUPercent)
		}
		var t table
		t.header("CPU", "LOAD", "MEM", "DISK")
		t.row(cpu, numberOf(s.Load1), partOf(s.MemoryUsed, s.MemoryTotal), partOf(s.DiskUsed, s.DiskTotal))
		return t.print(cmd.OutOrStdout())
	}
	return cmd
}

func nodeDetailsCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "details AGENT",
		Short:   "Show every metric of a node",
		Example: "  daytwo node metrics details web1",
		Args:    oneArg("AGENT"),
	}
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, _, err := nodeMetrics(cmd, conn, out, args[0])
		if err != nil {
			return err
		}
		return printDatapoints(cmd, out, m)
	}
	return cmd
}

// nodeMetrics returns the metrics of a node, and its id.
func nodeMetrics(cmd *cobra.Command, conn *connection, out *output, name string) (*v1.Metrics, string, error) {
	if err := out.check(); err != nil {
		return nil, "", err
	}
	cl, err := conn.client()
	if err != nil {
		return nil, "", err
	}
	a, err := findAgent(cmd.Context(), cl, name)
	if err != nil {
		return nil, "", err
	}
	m, err := cl.NodeMetrics(cmd.Context(), a.AgentID)
	if err == nil && m == nil {
		err = fmt.Errorf("node %s has no metrics yet: try again in a few seconds", a.AgentID)
	}
	return m, a.AgentID, err
}

// datapoint returns the first value with a name, and with a tag path unless path is
// "".
func datapoint(m *v1.Metrics, name, path string) *float64 {
	for i := range m.Datapoints {
		if d := &m.Datapoints[i]; d.Name == name && (path == "" || d.Tags["path"] == path) {
			return &d.Value
		}
	}
	return nil
}

// partOf formats used bytes of a total: "1.50GiB (12.3%)".
func partOf(used, total *float64) string {
	if used == nil {
		return absent
	}
	if total == nil {
		return formatBytes(*used)
	}
	return formatBytes(*used) + " (" + formatPercent(*used, *total) + ")"
}

// printDatapoints prints all values with their names and tags.
func printDatapoints(cmd *cobra.Command, out *output, m *v1.Metrics) error {
	if out.data() {
		return out.print(cmd.OutOrStdout(), m)
	}
	var t table
	t.header("NAME", ">VALUE", "TAGS")
	for _, d := range m.Datapoints {
		var tags []string
		for _, k := range slices.Sorted(maps.Keys(d.Tags)) {
			tags = append(tags, k+"="+d.Tags[k])
		}
		t.row(d.Name, formatDatapoint(d), strings.Join(tags, " "))
	}
	return t.print(cmd.OutOrStdout())
}

// formatDatapoint formats a value in its unit.
func formatDatapoint(d v1.Datapoint) string {
	switch d.Unit {
	case "bytes":
		return formatBytes(d.Value)
	case "percent":
		return fmt.Sprintf("%.2f%%", d.Value)
	case "seconds":
		return strconv.FormatFloat(d.Value, 'f', -1, 64) + "s"
	}
	return strconv.FormatFloat(d.Value, 'f', -1, 64)
}
