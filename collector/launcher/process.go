package launcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exit statuses for a command that does not start, the same as those of shells and
// env(1).
const (
	exitUsage     = 2
	exitCannotRun = 126
	exitNotFound  = 127
)

// process is a command that runs in a group, with the standard streams of this process,
// or with those of its log pipe.
type process struct {
	args, env []string
	as        *syscall.Credential // nil for that of this process
	group     *group
	log       *taskLog
	started   func() // called once the command runs
}

// run runs the command until it ends, and returns its exit status.
func (p *process) run() (status int, err error) {
	cmd := exec.Command(p.args[0], p.args[1:]...)
	stdout, stderr := p.log.outputs()
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, stdout, stderr, p.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	if p.group.unified != nil {
		dir, err := os.Open(p.group.dir)
		if err != nil {
			return 0, err
		}
		defer dir.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	}
	// From here on, signals are passed on to the command, and no longer end this process.
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	defer signal.Stop(signals)
	started := make(chan error)
	go func() { started <- p.group.start(cmd) }()
	if err := <-started; err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return exitNotFound, err
		}
		return exitCannotRun, err
	}
	p.log.started()
	p.started()
	done, forwarded := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(forwarded)
		forward(cmd.Process, signals, done)
	}()
	err = cmd.Wait()
	close(done)
	<-forwarded
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// start starts a command in the group. In the hierarchies of version 1, a child starts
// in the cgroups of the thread that forks it, so the thread that runs start first joins
// the group. The thread is locked to the goroutine, and so ends with it.
func (g *group) start(cmd *exec.Cmd) error {
	if g.legacy == nil {
		return cmd.Start()
	}
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() { // the main thread never ends: use another one
		err := make(chan error)
		go func() { err <- g.start(cmd) }()
		defer runtime.UnlockOSThread()
		return <-err
	}
	if err := g.join(unix.Gettid()); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := g.joined(); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return fmt.Errorf("limit the task: %w", err)
	}
	return nil
}
