package launcher

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/api/launch"
)

// Task is a command to run, with its limits, labels and user.
type Task struct {
	Command []string // the program and its arguments
	Name    string
	Labels  map[string]string
	Socket  string // path of the collector's launch API

	// The most that the task may use; 0 means no limit.
	Memory int64   // bytes
	CPUs   float64 // processors, or fractions of one
	PIDs   int64   // processes and threads

	User, Group string // the values of --user and --group: names or numbers; "" for no change
	Detach      bool   // run in the background

	Log          string // where the output goes: LogJournald, LogNone or "" for nowhere else
	LogNamespace string // of the journal
	LogDrop      bool   // drop lines that journald does not take in time, else let the task wait
}

// Run runs a task until its command ends, and returns the command's exit status: 128+N
// if signal N ended it, 126 if it could not be run, 127 if it was not found. Run may
// return an error in addition to a status. If it returns an error with status 0, either
// no command ran, or removing the task failed. Once the command has started, signals are
// passed on to it.
//
// If t.Detach is set, the task runs under another process. Run then prints the
// container's id, and returns once the command runs.
func Run(ctx context.Context, t Task) (status int, err error) {
	var raw [32]byte
	rand.Read(raw[:])
	o := order{ID: hex.EncodeToString(raw[:]), Task: t}
	if o.Task.Socket, err = filepath.Abs(t.Socket); err != nil {
		return 0, err
	}
	if err := t.checkLog(); err != nil {
		if t.Log != LogJournald {
			return 0, err
		}
		fmt.Fprintf(os.Stderr, "daytwo: the task's output is not logged: %v (--log none: without this warning)\n", err)
		o.Task.Log = LogNone
	}
	if !t.Detach {
		return o.run(ctx, func() {})
	}
	if status, err = o.detach(ctx); err == nil {
		fmt.Println(o.ID)
	}
	return status, err
}

// run runs a task, and calls started once its command runs. If this process is killed
// meanwhile, the task's watcher removes the task.
func (o *order) run(ctx context.Context, started func()) (status int, err error) {
	t := &o.Task
	l := limits{t.Memory, t.CPUs, t.PIDs}
	if err := l.check(); err != nil {
		return 0, err
	}
	who, err := findAccount(t.User, t.Group)
	if err != nil {
		return 0, err
	}
	request := launch.Request{ContainerID: o.ID, Cgroup: "/daytwo/" + o.ID, Name: t.Name, Labels: t.Labels}
	w, err := startWatcher(request, t.Socket)
	if err != nil {
		return 0, err
	}
	defer w.dismiss()
	var log *taskLog
	defer func() { err = errors.Join(err, log.finish()) }() // once everything of the task has ended
	g, err := makeGroup(request.Cgroup)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, g.remove()) }()
	if err := g.limit(l); err != nil {
		return 0, err
	}
	client := launch.NewClient(t.Socket)
	c, err := client.Add(ctx, request)
	switch {
	case errors.Is(err, launch.ErrNoStatsd): // the task runs without a StatsD endpoint
	case errors.As(err, new(*net.OpError)):
		return 0, fmt.Errorf("%w (is 'daytwo up' or 'daytwo collector' running here? --socket says where it listens)", err)
	case err != nil:
		return 0, err
	default:
		defer func() { err = errors.Join(err, removeEndpoint(context.WithoutCancel(ctx), client, o.ID)) }()
	}
	if err := w.wait(); err != nil {
		return 0, err
	}
	if log, err = o.startLog(c.AgentID, request, who.credential); err != nil {
		return 0, err
	}
	env := environment(os.Environ(), request, c, who)
	p := process{args: t.Command, env: env, as: who.credential, group: g, log: log, started: started}
	if status, err = p.run(); status == 128+int(syscall.SIGKILL) && l.memory != 0 && g.oomKilled() {
		err = fmt.Errorf("the kernel killed the command: the task needed more than the %d bytes of --memory", l.memory)
	}
	return status, err
}

// removeEndpointWithin is how long the collector may take to remove an endpoint.
const removeEndpointWithin = 5 * time.Second

// removeEndpoint asks the collector to remove the StatsD endpoint of a container.
func removeEndpoint(ctx context.Context, client *launch.Client, id string) error {
	ctx, cancel := context.WithTimeout(ctx, removeEndpointWithin)
	defer cancel()
	return client.Remove(ctx, id)
}
