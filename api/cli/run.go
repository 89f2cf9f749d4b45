package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/launch"
)

// Task is what 'daytwo run' is asked to run.
type Task struct {
	Command []string // the program and its arguments
	Name    string
	Labels  map[string]string
	Socket  string // path of the collector's launch API

	// What it may use at most; 0 stands for no limit.
	Memory int64   // bytes
	CPUs   float64 // processors, or fractions of one
	PIDs   int64   // processes and threads

	User, Group string // who it runs as, by name or number; "" for whoever starts it
	Detach      bool   // run in the background
}

// taskEnd ends 'daytwo run' with the status of its task.
type taskEnd struct {
	status int
	err    error // what went wrong besides, nil for nothing
}

func (e taskEnd) Error() string { return fmt.Sprintf("exit status %d", e.status) }

func runCommand(p Programs) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [flags] [--] CMD [ARG]...",
		Short: "Run a command as a task, in a cgroup and with a StatsD endpoint of its own",
		Long: `Run a command as a task: in a cgroup of its own, and with a StatsD endpoint of
its own in STATSD_UDP_HOST and STATSD_UDP_PORT. What the command sends there, in
whatever language, shows up under the task with its name and labels.

The node's collector ('daytwo up' or 'daytwo collector') hands out the endpoint.
Signals are passed on, and the command's exit status is returned (128+N if signal
N ended it). Whatever the command leaves running ends with it.`,
		Example: `  daytwo run -- ./server
  daytwo run --name web --label framework_name=demo -- bash -c 'echo "hits:1|c" > /dev/udp/$STATSD_UDP_HOST/$STATSD_UDP_PORT'`,
		GroupID: "run",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("want a command to run")
			}
			return nil
		},
	}
	var t Task
	var name, socket string
	var labels []string
	fs := cmd.Flags()
	fs.SetInterspersed(false)
	fs.StringVar(&name, "name", "", "call the task `NAME` (default: the command's)")
	fs.StringArrayVar(&labels, "label", nil, "give the task a label, `KEY=VALUE`; may be repeated")
	fs.Var((*size)(&t.Memory), "memory", "let the task use at most `SIZE` of memory, and no swap")
	fs.Float64Var(&t.CPUs, "cpus", 0, "let the task use at most `N` processors, such as 0.5")
	fs.Int64Var(&t.PIDs, "pids", 0, "let the task have at most `N` processes and threads")
	fs.StringVar(&t.User, "user", "", "run the command as `USER[:GROUP]`")
	fs.StringVar(&t.Group, "group", "", "run the command as `GROUP`")
	fs.BoolVar(&t.Detach, "detach", false, "run the task in the background")
	fs.StringVar(&socket, "socket", "", "ask the collector at `PATH` (default: "+launch.SocketName+" in the data directory)")
	annotateEnv(fs, "socket")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		t.Command, t.Name, t.Labels, t.Socket = args, name, map[string]string{}, findSocket(socket)
		for flag, value := range map[string]float64{"memory": float64(t.Memory), "cpus": t.CPUs, "pids": float64(t.PIDs)} {
			if value == 0 && fs.Changed(flag) {
				return usageError{fmt.Errorf("--%s: give a number above 0, or leave the flag out for no limit", flag)}
			}
		}
		if name == "" {
			t.Name = filepath.Base(args[0])
		}
		for _, l := range labels {
			k, v, ok := strings.Cut(l, "=")
			if !ok {
				return usageError{fmt.Errorf("label %q: want KEY=VALUE", l)}
			}
			t.Labels[k] = v
		}
		if err := launch.CheckNames(t.Name, t.Labels); err != nil {
			return usageError{err}
		}
		status, err := p.Run(cmd.Context(), t)
		if status != 0 {
			return taskEnd{status, err}
		}
		return err
	}
	return cmd
}

// findSocket is the launch API's socket: as told, or in the data directory.
func findSocket(flag string) string {
	if flag != "" {
		return flag
	}
	if env := os.Getenv(envName("socket")); env != "" {
		return env
	}
	data := os.Getenv(envName("data"))
	if data == "" {
		data = DefaultData()
	}
	return filepath.Join(data, launch.SocketName)
}
