package launcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/api/launch"
)

// watcher is a process that outlives this one if this one is killed: it then kills
// what there is of the task, and removes its cgroup and its endpoint.
type watcher struct {
	cmd   *exec.Cmd
	pipe  *os.File // the watcher acts when this end is closed in all processes: here, and in a child until its execve
	ready *os.File
}

// startWatcher starts the watcher of a task that is still to be made.
func startWatcher(r launch.Request, socket string) (*watcher, error) {
	theirs, pipe, err := os.Pipe()
	if err != nil {
		return nil, watcherError(err)
	}
	defer theirs.Close()
	ready, told, err := os.Pipe()
	if err != nil {
		pipe.Close()
		return nil, watcherError(err)
	}
	defer told.Close()
	w := &watcher{helperCommand(watcherName, []string{r.ContainerID, r.Cgroup, socket}), pipe, ready}
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Dir, w.cmd.Env = theirs, told, "/", []string{"GOMAXPROCS=1"}
	if err := w.cmd.Start(); err != nil {
		pipe.Close()
		ready.Close()
		return nil, watcherError(err)
	}
	return w, nil
}

func watcherError(err error) error { return fmt.Errorf("start the watcher of the task: %w", err) }

// readyWithin is how long a watcher may take to start.
const readyWithin = 10 * time.Second

// wait waits until the watcher watches.
func (w *watcher) wait() error {
	w.ready.SetReadDeadline(time.Now().Add(readyWithin))
	_, err := w.ready.Read(make([]byte, 1))
	if errors.Is(err, io.EOF) {
		err = errors.New("it ended at once")
	}
	if err != nil {
		return watcherError(err)
	}
	return nil
}

// dismiss ends the watcher: nothing of the task is left.
func (w *watcher) dismiss() {
	w.pipe.Write([]byte{0}) // fails if something killed the watcher
	w.pipe.Close()
	w.ready.Close()
	w.cmd.Wait()
}

// watch is the watcher's process.
func watch(args []string) (status int) {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGPIPE)
	becomeHelper()
	if len(args) != 3 {
		return exitUsage
	}
	id, cgroup, socket := args[0], args[1], args[2]
	os.Stdout.Write([]byte{0})
	if b, err := io.ReadAll(os.Stdin); err != nil || len(b) > 0 {
		return 0
	}
	err := findTaskGroup(cgroup).remove()
	removeEndpoint(context.Background(), launch.NewClient(socket), id) // else it ends with its cgroup
	if err != nil {
		return 1
	}
	return 0
}
