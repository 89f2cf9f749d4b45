package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/launch"
)

// Task is a command to run as a task.
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

	Log          string // where the output goes: "journald", "none" or "" for nowhere else
	LogNamespace string // of the journal
	LogDrop      bool   // drop lines that journald does not take in time, else let the task wait
}

// taskEnd ends 'daytwo run' with the status of its task.
type taskEnd struct {
	status int
	err    error // a further error; nil if there is none
}

func (e taskEnd) Error() string { return fmt.Sprintf("exit status %d", e.status) }

func runCommand(p Programs) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [flags] [--] COMMAND [ARGUMENT]...",
		Short: "Run a command as a task, with limits, a StatsD port of its own, and a log",
		Long: `Run a command as a task: in a cgroup of its own, with limits if you set some, and
with a StatsD port of its own, which it finds in STATSD_UDP_HOST and
STATSD_UDP_PORT. The task and the metrics that it sends there are shown with its
name and labels: try 'daytwo task list' and 'daytwo task metrics details NAME'.

The collector of this node ('daytwo up' or 'daytwo collector') must be running:
it assigns the port. Making a cgroup requires root.

The command has the standard streams, the working directory and the environment
of 'daytwo run', without DAYTWO_TOKEN* and DAYTWO_NATS*, and CONTAINER_ID,
TASK_NAME and the labels among the origin tags, such as FRAMEWORK_NAME. With
--user also HOME, USER and LOGNAME are those of the user.

The kernel enforces the limits. A task that needs more memory than --memory is
killed; one that needs more CPU time than --cpus is slowed down; beyond --pids,
starting a process fails. A limit that this machine cannot enforce is an error,
and the command does not run.

Signals are passed on to the command, and its exit status is returned: 128+N if
signal N ended it, 126 if it could not be run, 127 if it was not found. When the
command ends, every process that it left running is killed, and the cgroup and
the port are removed. The same happens if 'daytwo run' itself is killed.

What the command prints is passed on, and written to journald line by line, with
the labels, TASK_NAME and CONTAINER_ID as fields: see it with 'journalctl
TASK_NAME=NAME'. The command's output is a pipe for that, and not the terminal;
--tty gives shells and editors the terminal itself, and logs nothing. While
journald is slow or away the command waits, unless you give --log-on-full drop.
'daytwo log-pipe --help' says how lines become entries.

With --detach the task runs in the background: 'daytwo run' prints the task's
container id and returns once the command has started. The task's standard input
is /dev/null, and its output goes to journald alone. To stop it, run 'pkill -f ID',
which sends the command SIGTERM.`,
		Example: `  daytwo run -- ./server --port 8080
  daytwo run --name web --memory 512MiB --cpus 1.5 --pids 200 -- ./server
  daytwo run --tty -- bash
  daytwo run --user www-data --label framework_name=shop -- ./server
  id=$(daytwo run --detach --name nightly -- ./backup.sh)
  daytwo run -- bash -c 'echo "hits:1|c" > /dev/udp/$STATSD_UDP_HOST/$STATSD_UDP_PORT'`,
		GroupID: "run",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("give a command to run")
			}
			return nil
		},
	}
	var t Task
	var labels []string
	var onFull string
	var tty bool
	fs := cmd.Flags()
	fs.SetInterspersed(false)
	fs.SortFlags = false
	fs.StringVar(&t.Name, "name", "", "name the task `NAME` (default: the name of the command)")
	fs.StringArrayVar(&labels, "label", nil, "give the task the label `KEY=VALUE`; may be repeated")
	fs.Var((*size)(&t.Memory), "memory",
		"limit the task's memory to `SIZE` (units KiB, MiB, GiB), and take its swap away if the kernel counts swap")
	fs.Float64Var(&t.CPUs, "cpus", 0, "limit the task to the CPU time of `N` processors, from 0.01 on")
	fs.Int64Var(&t.PIDs, "pids", 0, "limit the task to `N` processes and threads")
	fs.StringVar(&t.User, "user", "",
		"run the command as `USER[:GROUP]`, names or numbers from /etc/passwd and /etc/group, with the user's "+
			"supplementary groups; requires root")
	fs.StringVar(&t.Group, "group", "", "run the command with the primary group `GROUP`; requires root")
	fs.BoolVarP(&t.Detach, "detach", "d", false, "run the task in the background, and print its container id")
	fs.BoolVarP(&tty, "tty", "t", false, "give the command the terminal itself, and log nothing: for shells and editors")
	fs.StringVar(&t.Log, "log", "journald", "log to `WHERE`: journald or none")
	fs.StringVar(&t.LogNamespace, "journal-namespace", "",
		"log to the journal namespace `NAME` (see LogNamespace= in systemd.exec(5))")
	fs.StringVar(&onFull, "log-on-full", "block",
		"`WHAT` to do while journald takes nothing: block the command, or drop the oldest lines beyond 8 MiB")
	fs.StringVar(&t.Socket, "socket", "",
		"ask the collector at the unix socket `PATH` for the port (default: "+launch.SocketName+" in the data directory)")
	annotateEnv(fs, "log", "socket")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if env := os.Getenv(envName("log")); env != "" && !fs.Changed("log") {
			t.Log = env
		}
		t.Command, t.Socket = args, findSocket(t.Socket)
		if t.Name == "" {
			t.Name = filepath.Base(args[0])
		}
		if t.Labels, err = parseLabels(labels); err == nil {
			err = launch.CheckNames(t.Name, t.Labels)
		}
		if err == nil {
			err = checkLimits(fs)
		}
		if err == nil {
			t.LogDrop, err = parseOnFull(onFull)
		}
		switch {
		case err == nil && t.Log != "journald" && t.Log != "none":
			err = fmt.Errorf("--log %s: give journald or none", t.Log)
		case err == nil && tty && t.Detach:
			err = errors.New("--tty and --detach exclude one another: a task in the background has no terminal")
		case tty:
			t.Log = "none"
		}
		if err != nil {
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

// checkLimits returns an error for a limit of 0, which stands for none.
func checkLimits(fs *pflag.FlagSet) error {
	for _, name := range []string{"memory", "cpus", "pids"} {
		if f := fs.Lookup(name); f.Changed && f.Value.String() == "0" {
			return fmt.Errorf("--%s: give a number above 0, or leave the flag out for no limit", name)
		}
	}
	return nil
}

// parseLabels reads labels of the form KEY=VALUE.
func parseLabels(list []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, l := range list {
		k, v, ok := strings.Cut(l, "=")
		if !ok {
			return nil, fmt.Errorf("label %q: write KEY=VALUE", l)
		}
		labels[k] = v
	}
	return labels, nil
}

// findSocket returns the path of the launch API's socket: that of the flag, else of
// the environment, else in the data directory.
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
