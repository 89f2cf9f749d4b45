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

// watcher is a process that removes the task if this process is killed: it kills the
// task's processes, and removes its cgroups and its StatsD endpoint.
type watcher struct {
	cmd *exec.Cmd
	// The watcher acts when this end of the pipe is closed in every process that has it:
	// this one, and a child between its fork and its execve.
	pipe  *os.File
	ready *os.File // the watcher writes a byte here when it watches
}

// startWatcher starts the watcher of a task before anything of the task is made.
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
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Dir, w.cmd.Env = theirs, told, "/", runtimeEnvironment()
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

// wait waits until the watcher watches. It returns an error if the watcher has ended, or
// if it takes longer than readyWithin.
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

// dismiss ends the watcher once nothing of the task is left.
func (w *watcher) dismiss() {
	w.pipe.Write([]byte{0}) // fails if something killed the watcher
	w.pipe.Close()
	w.ready.Close()
	w.cmd.Wait()
}

// watch does the work of a watcher, and returns the exit status. args are the container
// id, the path of the cgroup, and the path of the collector's socket.
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
	// If this fails, the collector removes the endpoint because its cgroup is gone.
	removeEndpoint(context.Background(), launch.NewClient(socket), id)
	if err != nil {
		return 1
	}
	return 0
}
