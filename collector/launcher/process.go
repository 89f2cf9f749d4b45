package launcher

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Exit statuses for a command that does not start, as shells and env(1) have them.
const (
	exitCannotRun = 126
	exitNotFound  = 127
)

// exec runs a command in the group until it ends, and returns its exit status.
func (g *group) exec(args, env []string) (status int, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, os.Stdout, os.Stderr, env
	if g.unified != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(g.unified.Fd())}
	}
	// From here on signals are the command's: they no longer end us.
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	defer signal.Stop(signals)
	started := make(chan error)
	go func() { started <- g.start(cmd) }()
	if err := <-started; err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return exitNotFound, err
		}
		return exitCannotRun, err
	}
	done := make(chan struct{})
	forwarded := make(chan struct{})
	go func() {
		defer close(forwarded)
		forward(cmd.Process, signals, done)
	}()
	err = cmd.Wait()
	close(done)
	<-forwarded
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			return 128 + int(s.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}

// start starts the command from a thread that is in the v1 hierarchies of the
// group: a child is born where the thread is that forks it. That thread ends
// with its goroutine.
func (g *group) start(cmd *exec.Cmd) error {
	if g.legacy == nil {
		return cmd.Start()
	}
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() { // the first thread never ends: take another
		err := make(chan error)
		go func() { err <- g.start(cmd) }()
		defer runtime.UnlockOSThread()
		return <-err
	}
	if err := g.join(unix.Gettid()); err != nil {
		return err
	}
	return cmd.Start()
}

// forward passes signals on. Those that a terminal's keys send reach the whole
// foreground process group, the command with it: once is enough.
func forward(p *os.Process, signals <-chan os.Signal, done <-chan struct{}) {
	terminal := term.IsTerminal(int(os.Stdin.Fd()))
	for {
		select {
		case <-done:
			return
		case s := <-signals:
			switch s {
			case syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE, syscall.SIGTTIN, syscall.SIGTTOU:
				continue
			case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGWINCH:
				if terminal {
					continue
				}
			}
			p.Signal(s) // "already finished": Wait says so
		}
	}
}
