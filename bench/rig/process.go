package rig

import (
	"bytes"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a program that runs until the test ends, and that does not outlive
// the test binary. Its output is logged if the test fails.
type Process struct {
	Cmd *exec.Cmd

	out   outputBuffer
	ended chan struct{}
	err   error // of Wait; read it after ended is closed
}

// outputBuffer collects what a process writes.
type outputBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *outputBuffer) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *outputBuffer) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// StartProcess starts cmd. Its standard output and standard error go to Log,
// unless the caller has set them.
func StartProcess(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	return startProcess(t, cmd, onThread)
}

// startProcess starts cmd by start, which calls a function on a thread that lives
// until the process has ended.
func startProcess(t testing.TB, cmd *exec.Cmd, start func(func())) *Process {
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
	go start(func() {
		err := cmd.Start()
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

// onThread calls f on a thread of its own: the parent death signal of a process is
// bound to the thread that started it, not to the whole parent (prctl(2),
// PR_SET_PDEATHSIG), and the Go runtime ends threads while a program runs.
func onThread(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f()
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
