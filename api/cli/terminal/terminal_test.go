package terminal

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

func modes(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

// Raw mode ends once, with what was typed meanwhile thrown away, and begins again before that.
func TestRaw(t *testing.T) {
	master, slave := rig.Terminal(t)
	before := modes(t, slave)
	term, err := Raw(slave)
	if err != nil {
		t.Fatal(err)
	}
	raw := modes(t, slave)
	if raw.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != 0 {
		t.Errorf("%+v is no raw mode", raw)
	}
	if err := unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, &before); err != nil {
		t.Fatal(err)
	}
	term.Again()
	if modes(t, slave) != raw {
		t.Error("raw mode did not begin again")
	}
	if _, err := master.WriteString("\x1b]answer\n"); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 9; { // the kernel takes its time
		if n, err = unix.IoctlGetInt(int(slave.Fd()), unix.TIOCINQ); err != nil {
			t.Fatal(err)
		}
	}
	term.Close()
	if n, err := unix.IoctlGetInt(int(slave.Fd()), unix.TIOCINQ); err != nil || n != 0 {
		t.Errorf("%d bytes of input are left: %v", n, err)
	}
	term.Close()
	term.Again()
	if modes(t, slave) != before {
		t.Error("the terminal is not as it was")
	}
}

const panics = "DAYTWO_TEST_PANIC"

// A panic anywhere leaves raw mode.
func TestPanic(t *testing.T) {
	if os.Getenv(panics) != "" {
		term, err := Raw(os.Stdin)
		if err != nil {
			t.Fatal(err)
		}
		term.Go(func() { panic("a panic of the test") })
		select {}
	}
	_, slave := rig.Terminal(t)
	before := modes(t, slave)
	cmd := exec.Command(os.Args[0], "-test.run=^TestPanic$")
	cmd.Env = append(os.Environ(), panics+"=1")
	cmd.Stdin = slave
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "a panic of the test") {
		t.Fatalf("%v, %s", err, out)
	}
	if modes(t, slave) != before {
		t.Error("the terminal is not as it was")
	}
}
