package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/metric"
)

// exitCode ends a command with a status that is not its own.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Exit statuses of run itself, as shells and env(1) have them.
const (
	exitCannotRun = 126
	exitNotFound  = 127
)

func runCommand() *cobra.Command {
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
	var name, socket string
	var labels []string
	fs := cmd.Flags()
	fs.SetInterspersed(false)
	fs.StringVar(&name, "name", "", "call the task `NAME` (default: the command's)")
	fs.StringArrayVar(&labels, "label", nil, "give the task a label, `KEY=VALUE`; may be repeated")
	fs.StringVar(&socket, "socket", "", "ask the collector at `PATH` (default: "+launch.SocketName+" in the data directory)")
	annotateEnv(fs, "socket")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		t := task{args: args, request: launch.Request{Name: name, Labels: map[string]string{}}}
		if name == "" {
			t.request.Name = filepath.Base(args[0])
		}
		for _, l := range labels {
			k, v, ok := strings.Cut(l, "=")
			if !ok {
				return usageError{fmt.Errorf("label %q: want KEY=VALUE", l)}
			}
			t.request.Labels[k] = v
		}
		t.client = launch.NewClient(findSocket(socket))
		return t.run(cmd.Context())
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

// task is a command in a cgroup of its own.
type task struct {
	args    []string
	request launch.Request
	client  *launch.Client
}

func (t *task) run(ctx context.Context) (err error) {
	var raw [32]byte
	rand.Read(raw[:])
	t.request.ContainerID = hex.EncodeToString(raw[:])
	t.request.Cgroup = "/daytwo/" + t.request.ContainerID
	if err := t.request.Check(); err != nil {
		return usageError{err}
	}
	g, err := makeGroup(t.request.Cgroup)
	if err != nil {
		return err
	}
	defer func() {
		if rerr := g.remove(); rerr != nil {
			err = errors.Join(err, rerr)
		}
	}()
	c, err := t.client.Add(ctx, t.request)
	switch {
	case errors.Is(err, launch.ErrNoStatsd): // the task does without
	case errors.As(err, new(*net.OpError)):
		return fmt.Errorf("%w (is 'daytwo up' or 'daytwo collector' running here? --socket says where it listens)", err)
	case err != nil:
		return err // its own words
	default:
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if rerr := t.client.Remove(ctx, t.request.ContainerID); rerr != nil {
				err = errors.Join(err, rerr)
			}
		}()
	}
	return g.exec(t.args, t.environment(os.Environ(), c))
}

// environment adds the variables that tell a task where to send StatsD and who it
// is: its origin tags, in capitals. The variables that Datadog's clients read are
// set only if neither of them is.
func (t *task) environment(env []string, c launch.Container) []string {
	set := func(k, v string) { env = append(env, k+"="+v) }
	if c.StatsdPort != 0 {
		port := fmt.Sprint(c.StatsdPort)
		set("STATSD_UDP_HOST", c.StatsdHost)
		set("STATSD_UDP_PORT", port)
		if os.Getenv("DD_AGENT_HOST") == "" && os.Getenv("DD_DOGSTATSD_PORT") == "" {
			set("DD_AGENT_HOST", c.StatsdHost)
			set("DD_DOGSTATSD_PORT", port)
		}
	}
	set("CONTAINER_ID", t.request.ContainerID)
	set("TASK_NAME", t.request.Name)
	for _, tag := range metric.OriginTags {
		if v, ok := t.request.Labels[tag]; ok {
			set(strings.ToUpper(tag), v)
		}
	}
	return env
}
