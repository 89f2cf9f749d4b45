package cli

import (
	"fmt"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/spf13/cobra"
)

func taskSummaryCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "summary TASK",
		Short:   "Show the CPU, memory, I/O and network of a task",
		Example: "  daytwo task metrics summary web-1",
		Args:    oneArg("TASK"),
	}
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, c, err := oneTask(cmd, conn, out, args[0])
		if err != nil {
			return err
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), c)
		}
		var t table
		t.header("CPU", "MEM", "READ", "WRITTEN", "RECEIVED", "SENT", "PIDS", "OOM KILLS")
		t.row(cpuOf(c), memoryOf(c), bytesOf(c.IORead), bytesOf(c.IOWritten), bytesOf(c.NetReceived), bytesOf(c.NetSent),
			countOf(c.Pids), countOf(c.OOMKills))
		return t.print(cmd.OutOrStdout())
	}
	return cmd
}

func taskDetailsCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "details TASK",
		Short:   "Show every metric of a task, and those it sends to StatsD",
		Example: "  daytwo task metrics details web-1",
		Args:    oneArg("TASK"),
	}
	out := outputFlags(cmd.Flags(), "table", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cl, c, err := oneTask(cmd, conn, out, args[0])
		if err != nil {
			return err
		}
		m, err := cl.ContainerMetrics(cmd.Context(), c.AgentID, c.ContainerID)
		if err != nil {
			return err
		}
		app, err := cl.AppMetrics(cmd.Context(), c.AgentID, c.ContainerID, "")
		if err != nil {
			return err
		}
		switch {
		case m == nil:
			m = app
		case app != nil:
			m.Datapoints = append(m.Datapoints, app.Datapoints...)
		}
		if m == nil {
			return fmt.Errorf("task %s has no metrics yet: try again in a few seconds", c.DisplayName())
		}
		return printDatapoints(cmd, out, m)
	}
	return cmd
}

// oneTask returns the container that name matches, and a client to ask about it.
func oneTask(cmd *cobra.Command, conn *connection, out *output, name string) (*client.Client, *v1.Container, error) {
	if err := out.check(); err != nil {
		return nil, nil, err
	}
	cl, err := conn.client()
	if err != nil {
		return nil, nil, err
	}
	c, err := findTask(cmd.Context(), cl, name)
	return cl, c, err
}

// cpuOf formats the cores in use, and the limit: "0.500 of 2.00 cores".
func cpuOf(c *v1.Container) string {
	if c.CPULimit == nil {
		return formatCores(c.CPUUsed)
	}
	return formatCores(c.CPUUsed) + " of " + numberOf(c.CPULimit) + " cores"
}

// memoryOf formats the memory in use, and the limit: "100MiB of 1.00GiB (9.8%)".
func memoryOf(c *v1.Container) string {
	if c.MemoryLimit == nil || c.MemoryCurrent == nil {
		return bytesOf(c.MemoryCurrent)
	}
	share := formatPercent(float64(*c.MemoryCurrent), float64(*c.MemoryLimit))
	return bytesOf(c.MemoryCurrent) + " of " + bytesOf(c.MemoryLimit) + " (" + share + ")"
}
