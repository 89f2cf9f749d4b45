package launcher

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// forward passes signals on to a command until done is closed. It does not pass on
// signals that a terminal sends for its keys and its size: they reach the whole
// foreground process group, and so also the command. On a terminal, this process stops
// itself when the command is stopped, so that the shell notices. The shell's SIGCONT
// then reaches both.
func forward(p *os.Process, signals <-chan os.Signal, done <-chan struct{}) {
	terminal := term.IsTerminal(int(os.Stdin.Fd()))
	for {
		select {
		case <-done:
			return
		case s := <-signals:
			switch s {
			case syscall.SIGCHLD:
				if terminal && stopped(p.Pid) {
					unix.Kill(os.Getpid(), unix.SIGSTOP)
				}
				continue
			case syscall.SIGURG, syscall.SIGPIPE, syscall.SIGTTIN, syscall.SIGTTOU:
				continue
			case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGWINCH:
				if terminal {
					continue
				}
			}
			p.Signal(s) // fails if the command has ended, which Wait reports
		}
	}
}

// stopped reports whether a child was stopped by a signal since the last call.
func stopped(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WNOHANG, nil)
	return err == nil && info.Signo == int32(unix.SIGCHLD)
}
