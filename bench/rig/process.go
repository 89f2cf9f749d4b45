package rig

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a program that runs until the test ends, and that does not outlive
// the test binary. Its output is logged if the test fails.
type Process struct {
	Cmd *exec.Cmd

	out   Buffer
	ended chan struct{}
	err   error // of Wait; read it after ended is closed
}

// StartProcess starts cmd. Its standard output and standard error go to Log,
// unless the caller has set them.
func StartProcess(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	return startProcess(t, cmd, anyThread)
}

// anyThread is onThread for startProcess.
func anyThread(f func(error)) { onThread(func() { f(nil) }) }

// startProcess starts cmd on a thread that on provides, and that lives until the
// process has ended; on passes an error if there is no such thread.
func startProcess(t testing.TB, cmd *exec.Cmd, on func(func(error))) *Process {
	t.Helper()
	p := &Process{Cmd: cmd, ended: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.out
	}
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = 5 * time.Second // what it started may hold the pipes open
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started := make(chan error, 1)
	on(func(err error) {
		if err == nil {
			err = cmd.Start()
		}
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	})
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", strings.Join(cmd.Args, " "), err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s:\n%s", strings.Join(cmd.Args, " "), p.Log())
		}
	})
	return p
}

// Log returns what the process has written so far.
func (p *Process) Log() string { return p.out.String() }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Running reports whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Signal sends the process a signal.
func (p *Process) Signal(s syscall.Signal) { p.Cmd.Process.Signal(s) }

// Kill ends the process at once and waits for its end; it may have ended before.
func (p *Process) Kill() {
	p.Cmd.Process.Kill()
	<-p.ended
}

// Wait returns the error of exec.Cmd.Wait, and fails the test if the process
// still runs after the given time.
func (p *Process) Wait(t testing.TB, within time.Duration) error {
	t.Helper()
	select {
	case <-p.ended:
		return p.err
	case <-time.After(within):
		t.Fatalf("%s still runs after %v", strings.Join(p.Cmd.Args, " "), within)
		return nil
	}
}

// Eventually calls f until it returns nil, and fails the test if it still returns
// an error after the given time.
func Eventually(t testing.TB, within time.Duration, f func() error) {
	t.Helper()
	if err := eventually(within, f); err != nil {
		t.Fatalf("after %v still: %v", within, err)
	}
}
