package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/v1"
)

// killAfter is how long sessions may take to end by a signal that was passed on.
const killAfter = 5 * time.Second

// ending are the signals that end everything.
var ending = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// allFlags are the flags of a command that runs in several tasks at once.
type allFlags struct {
	pattern  string
	parallel int
	json     bool
}

func (a *allFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&a.pattern, "all-matching", "", "run it in all tasks that `PATTERN` matches, as in 'daytwo task list'")
	fs.IntVar(&a.parallel, "parallel", 10, "with --all-matching: in at most `N` tasks at the same time")
	fs.BoolVar(&a.json, "json", false, "with --all-matching: print each line and each end as a JSON document")
}

// run runs a command in all tasks that match.
func (a *allFlags) run(cmd *cobra.Command, conn *connection, f *execFlags, command []string) error {
	switch {
	case f.tty || f.interactive:
		return usageError{errors.New("several tasks have no terminal and no standard input: leave -i and -t out")}
	case a.parallel < 1 || a.parallel > 1000:
		return usageError{errors.New("--parallel has to be from 1 to 1000")}
	}
	c := f.command(command)
	if err := c.Check(); err != nil {
		return usageError{err}
	}
	relay, err := conn.client()
	if err != nil {
		return err
	}
	q := client.ContainersQuery{Match: a.pattern}
	if q.Agent, err = agentID(cmd.Context(), relay, f.agent); err != nil {
		return err
	}
	list, err := relay.Containers(cmd.Context(), q)
	if err != nil {
		return err
	}
	tasks := tasksOf(list)
	if len(tasks) == 0 {
		return fmt.Errorf("no task matches %q ('daytwo task list' lists all)", a.pattern)
	}
	all := &execAll{relay: relay, command: &c, reason: f.reason, tasks: tasks, printer: newTaskPrinter(cmd, tasks, a.json),
		running: map[*sessionclient.Session]sessionID{}}
	return all.run(cmd.Context(), a.parallel)
}

// execTask is a task in which a command runs, and how that went.
type execTask struct {
	label            string // its name, which no other of them has
	agent, container string
	end              taskEnd
	exit             *session.Exit // nil if it is not known
}

// tasksOf returns the tasks of a list of containers, in the order of their names.
func tasksOf(list []v1.Container) (tasks []*execTask) {
	names := map[string]int{}
	for _, c := range oncePerContainer(list) {
		if c.ContainerID != "" {
			t := &execTask{label: printable(c.DisplayName()), agent: c.AgentID, container: c.ContainerID}
			tasks = append(tasks, t)
			names[t.label]++
		}
	}
	for _, t := range tasks {
		if names[t.label] > 1 {
			t.label += "@" + printable(t.agent) + "/" + printable(t.container[:min(len(t.container), 12)])
		}
	}
	slices.SortFunc(tasks, func(x, y *execTask) int {
		return cmp.Or(cmp.Compare(x.label, y.label), cmp.Compare(x.agent, y.agent), cmp.Compare(x.container, y.container))
	})
	return tasks
}

// sessionID says which session it is, and where.
type sessionID struct{ agent, session string }

// execAll runs a command in several tasks.
type execAll struct {
	relay   *client.Client
	command *session.Command
	reason  string
	tasks   []*execTask
	printer *taskPrinter

	mu      sync.Mutex
	running map[*sessionclient.Session]sessionID
	stopped syscall.Signal // that ends it all; 0 for none
}

// run runs the command, in a number of tasks at the same time. Its status is the highest of all.
func (a *execAll) run(ctx context.Context, parallel int) error {
	signals, stop := takeSignals(ctx)
	defer stop()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	go a.obey(ctx, cancel, signals)
	next := make(chan *execTask)
	var work sync.WaitGroup
	for range min(parallel, len(a.tasks)) {
		work.Go(func() {
			for t := range next {
				a.one(ctx, t)
				a.printer.ended(t)
			}
		})
	}
	for _, t := range a.tasks {
		next <- t
	}
	close(next)
	work.Wait()
	return a.printer.summary()
}

// one runs the command in one task.
func (a *execAll) one(ctx context.Context, t *execTask) {
	out, errs := a.printer.outputs(t)
	defer out.Close()
	defer errs.Close()
	id := session.NewID()
	r := &sessionRun{relay: a.relay, request: v1.SessionRequest{Session: id, Container: t.container,
		Agent: t.agent, Command: a.command, Reason: a.reason, Write: true}, out: out, errs: errs}
	s := sessionclient.New(sessionclient.Options{Dial: r.dial, Stdout: out, Stderr: errs, Gap: r.gap, Lost: r.lost})
	a.mu.Lock()
	if a.stopped != 0 {
		t.end = taskEnd{status: 128 + int(a.stopped), err: errors.New("not started")}
		a.mu.Unlock()
		return
	}
	a.running[s] = sessionID{t.agent, id}
	a.mu.Unlock()
	exit, err := s.Run(ctx)
	a.mu.Lock()
	delete(a.running, s)
	a.mu.Unlock()
	if err == nil {
		t.exit = &exit
	}
	if err := r.end(exit, err); !errors.As(err, &t.end) && err != nil {
		t.end = taskEnd{status: exitFailure, err: err}
	}
}

// obey passes the first signal on to all sessions. It ends those that are left some seconds, or one
// signal, later, and gives up at the third.
func (a *execAll) obey(ctx context.Context, cancel context.CancelFunc, signals <-chan os.Signal) {
	var late <-chan time.Time
	for count := 0; ; {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			if !slices.Contains(ending, sig) {
				a.signal(sig.(syscall.Signal))
				continue
			}
			a.mu.Lock()
			a.stopped = sig.(syscall.Signal)
			a.mu.Unlock()
			count++
			switch count {
			case 1:
				a.signal(sig.(syscall.Signal))
				late = time.After(killAfter)
			case 2:
				go a.kill(ctx)
			default:
				cancel()
				return
			}
		case <-late:
			go a.kill(ctx)
		}
	}
}

// signal passes a signal on.
func (a *execAll) signal(sig syscall.Signal) {
	if sig == syscall.SIGCONT {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for s := range a.running {
		s.Signal(int(sig))
	}
}

// kill ends all sessions that run.
func (a *execAll) kill(ctx context.Context) {
	a.mu.Lock()
	ids := slices.Collect(maps.Values(a.running))
	a.mu.Unlock()
	var work sync.WaitGroup
	for _, i := range ids {
		work.Go(func() {
			var e *client.Error
			err := a.relay.KillSession(ctx, i.agent, i.session)
			if err != nil && !(errors.As(err, &e) && e.Status == http.StatusNotFound) { // it has just ended
				a.printer.say("end the session %s: %v", i.session, err)
			}
		})
	}
	work.Wait()
}
