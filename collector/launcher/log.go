package launcher

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/launcher/logpipe"
)

// Values of Task.Log.
const (
	LogJournald = "journald" // the task's output goes to journald
	LogNone     = "none"     // it does not
)

// checkLog returns an error if the task's output is to go to a journald that is not
// there.
func (t *Task) checkLog() error {
	switch t.Log {
	case "", LogNone:
		return nil
	case LogJournald:
		return logpipe.Reachable(logpipe.Socket(t.LogNamespace))
	}
	return fmt.Errorf("--log %s: give %s or %s", t.Log, LogJournald, LogNone)
}

// taskLog is the log pipe of a task: a process that writes what the task prints to
// journald. It is in no cgroup of the task, and ends when every process that has the
// task's output has closed it.
type taskLog struct {
	order  logOrder
	writes [2]*os.File // the command's standard output and standard error
	reads  [2]*os.File // their other ends, nil if this process has closed them
	ended  chan error  // gets a value when the log pipe has ended
}

// logOrder tells a log pipe what to do, as JSON.
type logOrder struct {
	ID, Name string // of the task
	Fields   []logpipe.Field
	Socket   string
	Drop     bool
	Tee      bool // the output goes to the standard streams of the launcher, too

	Restarted bool // see logpipe.Options
}

// startLog starts the log pipe of a task. It returns nil if the task has none.
func (o *order) startLog(agentID string, r launch.Request, as *syscall.Credential) (l *taskLog, err error) {
	t := &o.Task
	if t.Log != LogJournald {
		return nil, nil
	}
	fields, left := logFields(agentID, r)
	if len(left) > 0 {
		fmt.Fprintf(os.Stderr, "daytwo: the journal has no room or no name for these labels, and its entries lack them: %q\n",
			left)
	}
	l = &taskLog{ended: make(chan error, 1), order: logOrder{ID: o.ID, Name: t.Name, Fields: fields,
		Socket: logpipe.Socket(t.LogNamespace), Drop: t.LogDrop, Tee: !t.Detach}}
	defer func() {
		if err != nil {
			l.close()
			l, err = nil, fmt.Errorf("log the task's output: %w", err)
		}
	}()
	for i := range l.writes {
		if l.reads[i], l.writes[i], err = os.Pipe(); err != nil {
			return l, err
		}
		if as != nil { // else the command may not open /dev/stdout
			if err := l.writes[i].Chown(int(as.Uid), int(as.Gid)); err != nil {
				return l, err
			}
		}
	}
	cmd, err := l.start()
	if err != nil {
		return l, err
	}
	if t.Detach {
		go l.keep(cmd)
		return l, nil
	}
	// The log pipe alone can read the task's output: if nobody reads what the log pipe copies
	// any more, it closes that stream, and the task is told.
	l.closeReads()
	go func() { l.ended <- cmd.Wait() }()
	return l, nil
}

// logFields returns the fields of a task's entries, and the labels that are left out.
func logFields(agentID string, r launch.Request) (fields []logpipe.Field, left []string) {
	add := func(label, value string) {
		name, err := logpipe.FieldName(label)
		if err == nil && value != "" {
			all := append(slices.Clone(fields), logpipe.Field{Name: name, Value: value})
			if err = logpipe.CheckFields(all); err == nil {
				fields = all
			}
		}
		if err != nil {
			left = append(left, label)
		}
	}
	add("syslog_identifier", r.Name)
	add("agent_id", agentID)
	add("container_id", r.ContainerID)
	add("task_name", r.Name)
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		add(k, r.Labels[k])
	}
	return fields, left
}

// A log pipe's descriptors in addition to the standard streams.
const (
	logOrderFD  = 3 // it reads its order from this pipe
	logStdoutFD = 4
	logStderrFD = 5
)

func (l *taskLog) start() (*exec.Cmd, error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	defer ours.Close()
	cmd := helperCommand(logPipeName, []string{l.order.ID, l.order.Name}, theirs, l.reads[0], l.reads[1])
	cmd.Env = runtimeEnvironment()
	if l.order.Tee {
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, json.NewEncoder(ours).Encode(&l.order)
}

// keep starts the log pipe again if something kills it: what the task prints waits in
// the pipe meanwhile.
func (l *taskLog) keep(cmd *exec.Cmd) {
	for {
		err := cmd.Wait()
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !ok || !status.Signaled() {
			l.ended <- err
			return
		}
		time.Sleep(100 * time.Millisecond)
		l.order.Restarted = true
		if cmd, err = l.start(); err != nil {
			l.closeReads()
			l.ended <- err
			return
		}
	}
}

func (l *taskLog) closeReads() {
	for _, f := range l.reads {
		f.Close()
	}
}

// started closes this process' ends of the command's output.
func (l *taskLog) started() {
	if l != nil {
		for _, f := range l.writes {
			f.Close()
		}
	}
}

func (l *taskLog) close() {
	l.started()
	l.closeReads()
}

// logEndsWithin is how long a log pipe may take after the task has ended. journald may
// be slow, or a process of the task's that is in another cgroup now may have the output.
const logEndsWithin = 15 * time.Second

// finish waits until what the task has printed is in the journal.
func (l *taskLog) finish() error {
	if l == nil {
		return nil
	}
	l.started()
	select {
	case err := <-l.ended:
		if err != nil {
			return fmt.Errorf("not all of the task's output is in the journal (its log pipe: %w)", err)
		}
		return nil
	case <-time.After(logEndsWithin):
		return fmt.Errorf("%v after the task has ended, its log pipe still waits for journald or for more output: "+
			"it goes on in the background", logEndsWithin)
	}
}

// logPipe does the work of a log pipe, and returns the exit status.
func logPipe() (status int) {
	for fd := logOrderFD; fd <= logStderrFD; fd++ {
		unix.CloseOnExec(fd) // closeInherited does not close descriptors with close-on-exec
	}
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGPIPE)
	becomeHelper()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	var o logOrder
	in := os.NewFile(logOrderFD, "order")
	err := json.NewDecoder(io.LimitReader(in, 1<<20)).Decode(&o)
	in.Close()
	if err != nil {
		return exitUsage
	}
	options := logpipe.Options{Socket: o.Socket, Fields: o.Fields, Drop: o.Drop, Restarted: o.Restarted, Log: log,
		PartialAfter: logpipe.DefaultPartialAfter}
	for i, s := range []logpipe.Source{{Stream: "STDOUT", Priority: 6}, {Stream: "STDERR", Priority: 3}} {
		s.FD, s.Tee = logStdoutFD+i, -1
		if o.Tee {
			s.Tee = 1 + i
		}
		options.Sources = append(options.Sources, s)
	}
	stats, err := logpipe.Run(context.Background(), options)
	switch {
	case err != nil:
		log.Error("the task's output is not logged", "err", err)
		return 1
	case stats.Lost():
		return 1
	}
	return 0
}

// outputs returns the command's standard output and standard error.
func (l *taskLog) outputs() (stdout, stderr *os.File) {
	if l == nil {
		return os.Stdout, os.Stderr
	}
	return l.writes[0], l.writes[1]
}
