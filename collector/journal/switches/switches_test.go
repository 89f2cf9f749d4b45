package switches

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// cat is a process that rests until it is written to.
func cat(t *testing.T) (pid int, line func()) {
	t.Helper()
	rig.NeedRoot(t, "counting the switches of a process")
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	rig.StartProcess(t, cmd)
	line = func() {
		t.Helper()
		if _, err := io.WriteString(in, "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	line()
	return cmd.Process.Pid, line
}

func openOn(t *testing.T, pid int) (*Counter, chan error) {
	t.Helper()
	c, err := Open(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Switch(true); err != nil {
		t.Fatal(err)
	}
	rests := make(chan error)
	go func() {
		for {
			err := c.Wait()
			rests <- err
			if err != nil {
				return
			}
		}
	}()
	return c, rests
}

// next is what Wait returns next, io.EOF if it does not return.
func next(rests chan error, within time.Duration) error {
	select {
	case err := <-rests:
		return err
	case <-time.After(within):
		return io.EOF
	}
}

// settled waits until the process does nothing any more.
func settled(t *testing.T, rests chan error) {
	t.Helper()
	for next(rests, 200*time.Millisecond) == nil {
	}
}

// A process that rests does not end Wait. What it does ends it, each time, far more
// often than the kernel has room for notes.
func TestWait(t *testing.T) {
	pid, line := cat(t)
	_, rests := openOn(t, pid)
	settled(t, rests)
	for i := range 3000 {
		line()
		if err := next(rests, 5*time.Second); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		for next(rests, 0) == nil { // it may rest twice in a line
		}
	}
}

// A process that never rests ends it too.
func TestBusy(t *testing.T) {
	rig.NeedRoot(t, "counting the switches of a process")
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	rig.StartProcess(t, cmd)
	_, rests := openOn(t, cmd.Process.Pid)
	for range 10 {
		if err := next(rests, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

// While it is off nothing is told.
func TestSwitch(t *testing.T) {
	pid, line := cat(t)
	c, rests := openOn(t, pid)
	settled(t, rests)
	if err := c.Switch(false); err != nil {
		t.Fatal(err)
	}
	line()
	if err := next(rests, 200*time.Millisecond); err != io.EOF {
		t.Fatal("it was told although the counter is off: ", err)
	}
	if err := c.Switch(true); err != nil {
		t.Fatal(err)
	}
	line()
	if err := next(rests, 5*time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestEnds(t *testing.T) {
	pid, _ := cat(t)
	c, rests := openOn(t, pid)
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	for err = next(rests, 5*time.Second); err == nil; err = next(rests, 5*time.Second) {
	}
	if err != ErrEnded {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	if err := c.Switch(true); !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
}

func TestClose(t *testing.T) {
	pid, _ := cat(t)
	c, rests := openOn(t, pid)
	settled(t, rests)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := next(rests, 5*time.Second); !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := Open(1 << 30); err == nil {
		t.Fatal("a process that is not there was opened")
	}
}
