package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// typing is a command on a terminal, into which a test types.
type typing struct {
	testing.TB
	slave  *os.File
	master *os.File
	before *unix.Termios
	cmd    *exec.Cmd
	screen *rig.Buffer
}

// typeInto starts a command on a terminal of some size.
func typeInto(t *testing.T, cmd *exec.Cmd, rows, cols uint16) *typing {
	t.Helper()
	k := &typing{TB: t, cmd: cmd, screen: new(rig.Buffer)}
	k.master, k.slave = rig.Terminal(t)
	k.resize(rows, cols)
	k.before = k.modes()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = k.slave, k.slave, k.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // it may have ended
			_ = cmd.Wait()
		}
	})
	go io.Copy(k.screen, k.master)
	return k
}

func (k *typing) resize(rows, cols uint16) {
	k.Helper()
	err := unix.IoctlSetWinsize(int(k.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	if err != nil {
		k.Fatal(err)
	}
}

func (k *typing) modes() *unix.Termios {
	k.Helper()
	m, err := unix.IoctlGetTermios(int(k.slave.Fd()), unix.TCGETS)
	if err != nil {
		k.Fatal(err)
	}
	return m
}

func (k *typing) keys(keys string) {
	k.Helper()
	if _, err := k.master.WriteString(keys); err != nil {
		k.Fatal(err)
	}
}

// expect waits until the screen has shown a text.
func (k *typing) expect(text string) {
	k.Helper()
	rig.Eventually(k, 40*time.Second, func() error {
		if !strings.Contains(k.screen.String(), text) {
			return fmt.Errorf("no %q on the screen: %q", text, k.screen.String())
		}
		return nil
	})
}

// until types some keys again and again, until the screen shows what it has to.
func (k *typing) until(keys string, shown func(screen string) bool) {
	k.Helper()
	rig.Eventually(k, 20*time.Second, func() error {
		k.keys(keys)
		time.Sleep(300 * time.Millisecond)
		if screen := k.screen.String(); !shown(screen) {
			return fmt.Errorf("after %q: %q", keys, screen)
		}
		return nil
	})
}

// ends waits for the end of the command, which has to have this status, and to leave the terminal
// as it was.
func (k *typing) ends(status int) {
	k.Helper()
	err := k.cmd.Wait()
	if got := k.cmd.ProcessState.ExitCode(); got != status {
		k.Errorf("status %d, %v, want %d: %q", got, err, status, k.screen.String())
	}
	if after := k.modes(); *after != *k.before {
		k.Errorf("the terminal is not as it was: %+v, %+v", k.before, after)
	}
}
