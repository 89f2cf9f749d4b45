package e2e

import (
	"bufio"
	"context"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// logFollower is a client command that follows.
type logFollower struct {
	t     testing.TB
	lines chan string // closed at the end of its output
	err   rig.Buffer
	stop  func() (status int) // interrupts it
}

func (h *logHosts) follow(t testing.TB, args ...string) *logFollower {
	t.Helper()
	return follow(t, h.command(context.Background(), args...))
}

// follow starts a command, which ends with the test, or with the process of the test.
func follow(t testing.TB, cmd *exec.Cmd) *logFollower {
	t.Helper()
	f := &logFollower{t: t, lines: make(chan string, 100)}
	cmd.Stderr = &f.err
	p, out := rig.Follow(t, cmd)
	go func() {
		defer close(f.lines)
		for in := bufio.NewReader(out); ; {
			line, err := in.ReadString('\n')
			if line != "" {
				f.lines <- line
			}
			if err != nil {
				return
			}
		}
	}()
	f.stop = sync.OnceValue(func() int {
		p.Signal(syscall.SIGINT)
		late := time.AfterFunc(10*time.Second, p.Kill)
		defer late.Stop()
		for range f.lines { // until its end
		}
		<-p.Ended()
		return cmd.ProcessState.ExitCode()
	})
	t.Cleanup(func() { f.stop() })
	return f
}

// next fails the test unless these are the next lines.
func (f *logFollower) next(want ...string) {
	f.t.Helper()
	for _, w := range want {
		select {
		case line, ok := <-f.lines:
			if !ok {
				f.t.Fatalf("it ended before %.100q", w)
			}
			if line != w+"\n" {
				f.t.Fatalf("%d bytes %.200q, want %d %.200q", len(line), line, len(w), w)
			}
		case <-time.After(20 * time.Second):
			f.t.Fatalf("%.100q does not come", w)
		}
	}
}
