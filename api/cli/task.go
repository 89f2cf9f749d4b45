package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/spf13/cobra"
)

func taskCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "task",
		Short: "Show the tasks of the fleet: list, log, metrics, statsd, events, exec, shell, attach, cp",
		Long: `Show the tasks of the fleet: containers of every runtime, and commands that
'daytwo run' started. TASK is a name, an id, a part of one of them, or a pattern
(* ? [a-z]). Commands for one task fail if several tasks match.`,
		GroupID: "ask",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	metrics := &cobra.Command{
		Use:   "metrics",
		Short: "Show the metrics of a task: summary, details",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	metrics.AddCommand(taskSummaryCommand(conn), taskDetailsCommand(conn))
	cmd.AddCommand(taskListCommand(conn), metrics, taskLogCommand(conn), taskStatsdCommand(conn), taskEventsCommand(conn),
		taskExecCommand(conn), taskShellCommand(conn), taskAttachCommand(conn), taskCopyCommand(conn),
		taskForwardCommand(conn))
	return cmd
}

func taskListCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [TASK]",
		Short: "List the tasks",
		Example: `  daytwo task list
  daytwo task list 'web*' --agent node7
  daytwo task list --cgroups -o wide
  daytwo task list -o json | jq -r '.[].container_id'`,
		Args: cobra.MaximumNArgs(1),
	}
	var agent string
	var cgroups bool
	out := outputFlags(cmd.Flags(), "table", "wide", "json", "yaml")
	cmd.Flags().StringVar(&agent, "agent", "", "list only tasks on the node `AGENT`")
	cmd.Flags().BoolVar(&cgroups, "cgroups", false, "list other cgroups too, such as services and slices")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		cl, err := conn.client()
		if err != nil {
			return err
		}
		q := client.ContainersQuery{All: cgroups}
		if len(args) > 0 {
			q.Match = args[0]
		}
		if q.Agent, err = agentID(cmd.Context(), cl, agent); err != nil {
			return err
		}
		list, err := cl.Containers(cmd.Context(), q)
		if err != nil {
			return err
		}
		if out.data() {
			return out.print(cmd.OutOrStdout(), nonNil(list))
		}
		return containerTable(list, out.wide(), time.Now()).print(cmd.OutOrStdout())
	}
	return cmd
}

// containerTable returns a row per container; wide adds columns and shows whole ids.
func containerTable(list []v1.Container, wide bool, now time.Time) *table {
	var t table
	names := []string{"NAME", "AGENT", "RUNTIME", ">CPU", ">MEM", ">MEM LIMIT", ">PIDS", ">AGE", "ID"}
	if wide {
		names = append(names, "IMAGE", "TASK", "FRAMEWORK", "CGROUP")
	}
	t.header(names...)
	for i := range list {
		c := &list[i]
		id, agent := c.ContainerID, c.AgentID
		if !wide { // as docker ps does; it is enough for TASK
			id, agent = id[:min(len(id), 12)], agent[:min(len(agent), 12)]
		}
		row := []string{
			c.DisplayName(), agent, c.Runtime, formatCores(c.CPUUsed), bytesOf(c.MemoryCurrent), bytesOf(c.MemoryLimit),
			countOf(c.Pids), ageOf(c, now), id,
		}
		if wide {
			row = append(row, c.Image, c.TaskID, c.FrameworkName, c.Cgroup)
		}
		t.row(row...)
	}
	return &t
}

// ageOf formats how long ago a container was created.
func ageOf(c *v1.Container, now time.Time) string {
	if c.Created == nil {
		return absent
	}
	return formatDuration(now.Sub(time.Unix(*c.Created, 0)))
}

// findTask returns the only container with a name or id, else the only one that
// matches name.
func findTask(ctx context.Context, cl *client.Client, name string) (*v1.Container, error) {
	list, err := cl.Containers(ctx, client.ContainersQuery{Match: name})
	if err != nil {
		return nil, err
	}
	list = oncePerContainer(list)
	var exact []*v1.Container
	for i := range list {
		if c := &list[i]; name == c.ContainerID || name == c.TaskID || name == c.TaskName || name == c.Name {
			exact = append(exact, c)
		}
	}
	switch {
	case len(exact) == 1:
		return exact[0], nil
	case len(list) == 1:
		return &list[0], nil
	case len(list) == 0:
		return nil, fmt.Errorf("no task matches %q ('daytwo task list' lists all)", name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d tasks match %q: give more of the name, or the id, of one", len(list), name)
	for i := range list[:min(len(list), 8)] {
		fmt.Fprintf(&b, "\n  %s  %s  on %s", list[i].ContainerID, printable(list[i].DisplayName()), list[i].AgentID)
	}
	if len(list) > 8 {
		b.WriteString("\n  …")
	}
	return nil, fmt.Errorf("%s", b.String())
}

// oncePerContainer keeps the first row of every container: on cgroup v1 one may have
// cgroups at several paths, and a row for each.
func oncePerContainer(list []v1.Container) []v1.Container {
	seen := map[[2]string]bool{}
	return slices.DeleteFunc(list, func(c v1.Container) bool {
		id := [2]string{c.AgentID, c.ContainerID}
		again := c.ContainerID != "" && seen[id]
		seen[id] = true
		return again
	})
}
