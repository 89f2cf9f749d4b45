package sessions

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// screen is a terminal in front of a client command.
type screen struct {
	*fixture
	master, slave *os.File
	cmd           *exec.Cmd
	shown         *rig.Buffer
	before        *unix.Termios
}

// terminal starts a client command on a terminal of 57 rows and 203 columns.
func (f *fixture) terminal(cmd *exec.Cmd) *screen {
	f.Helper()
	s := &screen{fixture: f, cmd: cmd, shown: new(rig.Buffer)}
	s.master, s.slave = rig.Terminal(f)
	s.resize(57, 203)
	s.before = s.modes()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.slave, s.slave, s.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := s.master.Read(buf)
			_, _ = s.shown.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *screen) modes() *unix.Termios {
	s.Helper()
	modes, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	if err != nil {
		s.Fatal(err)
	}
	return modes
}

func (s *screen) resize(rows, cols uint16) {
	s.Helper()
	size := &unix.Winsize{Row: rows, Col: cols}
	if err := unix.IoctlSetWinsize(int(s.slave.Fd()), unix.TIOCSWINSZ, size); err != nil {
		s.Fatal(err)
	}
}

// keys types.
func (s *screen) keys(keys string) {
	s.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.Fatal(err)
	}
}

// expect waits until a text is shown.
func (s *screen) expect(text string) {
	s.Helper()
	rig.Eventually(s, 30*time.Second, func() error {
		if shown := s.shown.String(); !strings.Contains(shown, text) {
			return fmt.Errorf("no %q on the screen: %q", text, shown[max(0, len(shown)-2000):])
		}
		return nil
	})
}

// ready waits until the shell of the session reads from its terminal.
func (s *screen) ready() {
	s.Helper()
	s.keys("echo rea'dy'\n")
	s.expect("ready")
}

// end waits until the client has ended, and checks its status, and that the terminal is as it was.
func (s *screen) end(status int) {
	s.Helper()
	_ = s.cmd.Wait()
	if got := s.cmd.ProcessState.ExitCode(); got != status {
		s.Errorf("status %d, want %d: %q", got, status, s.shown.String())
	}
	if after := s.modes(); *after != *s.before {
		s.Errorf("the terminal is not as it was: %+v, %+v", s.before, after)
	}
}

// The terminal is put back whatever ends the client, and the session goes on if it can.
func TestTerminalRestored(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("restored")
	f := newFixture(t, name)
	for _, c := range []struct {
		name   string
		signal syscall.Signal
	}{{"TERM", syscall.SIGTERM}, {"HUP", syscall.SIGHUP}, {"INT", syscall.SIGINT}, {"QUIT", syscall.SIGQUIT}} {
		t.Run(c.name, func(t *testing.T) {
			s := f.with(t).terminal(f.command("task", "exec", "-it", name, "sh"))
			s.ready()
			if *s.modes() == *s.before {
				t.Error("the terminal is not in raw mode")
			}
			if err := s.cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			s.end(128 + int(c.signal))
			s.expect("comes back to it")
			id := regexp.MustCompile(`'daytwo session attach (\w+)' comes back`).FindStringSubmatch(s.shown.String())
			if id == nil {
				t.Fatalf("no session is named: %q", s.shown.String())
			}
			again := f.with(t).terminal(f.command("session", "attach", id[1]))
			again.keys("echo aga'in'; exit 5\n")
			again.expect("again")
			again.end(5)
		})
	}
	t.Run("detached", func(t *testing.T) {
		s := f.with(t).terminal(f.command("task", "exec", "-it", "--detach-keys", "ctrl-a,d", name, "sh"))
		s.ready()
		s.keys("\x10\x11echo keys'pass'\n\x01d") // the default keys are none of the session's now
		s.end(0)
		s.expect("detached: 'daytwo session attach ")
	})
	t.Run("stopped", func(t *testing.T) { // and continued, with a terminal that the shell has put back
		s := f.with(t).terminal(f.command("task", "exec", "-it", name, "sh"))
		s.ready()
		if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if err := unix.IoctlSetTermios(int(s.slave.Fd()), unix.TCSETS, s.before); err != nil {
			t.Fatal(err)
		}
		s.resize(33, 99)
		if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		f.with(t).eventually(func() bool { return *s.modes() != *s.before }, "the terminal is in raw mode again")
		s.keys("stty size; exit 3\n")
		s.expect("33 99")
		s.end(3)
	})
	t.Run("relay killed", func(t *testing.T) { // it is the last part: daytwo is gone then
		s := f.with(t).terminal(f.command("task", "exec", "-it", name, "sh"))
		s.ready()
		f.d.Kill()
		s.expect("the connection was lost, connecting again")
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		s.end(128 + 15)
	})
}

// Of several clients one types. Another one may take over, and gets it by itself when the first one
// leaves.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("take")
	f := newFixture(t, name)
	first := f.terminal(f.command("task", "exec", "-it", name, "sh"))
	first.ready()
	first.keys("i=0\n")
	out, _, _ := f.run("", "session", "list")
	id := ""
	for line := range strings.Lines(out) {
		if strings.Contains(line, " "+name+" ") {
			id = strings.Fields(line)[0]
		}
	}
	watching := f.terminal(f.command("session", "attach", id))
	watching.expect("somebody else types here, and you only watch: --take takes over")
	first.keys("i=$((i+1)); echo i is now $i\n")
	watching.expect("i is now 1")
	taking := f.terminal(f.command("session", "attach", "--take", id))
	taking.expect("i is now 1")
	rig.Eventually(t, 20*time.Second, func() error {
		taking.keys("i=$((i+10)); echo i is now $i\n")
		time.Sleep(200 * time.Millisecond)
		if !strings.Contains(first.shown.String(), "i is now 11") {
			return fmt.Errorf("%q", first.shown.String())
		}
		return nil
	})
	first.keys("echo no'thing'\n")
	taking.keys("\x10\x11")
	taking.end(0)
	// One of the two that are left gets it. What was typed while it was another's never runs.
	rig.Eventually(t, 20*time.Second, func() error {
		watching.keys("echo by the ot'her'; exit 4\n")
		first.keys("echo by the fi'rst'; exit 4\n")
		time.Sleep(200 * time.Millisecond)
		shown := first.shown.String()
		if strings.Contains(shown, "by the other") || strings.Contains(shown, "by the first") {
			return nil
		}
		return fmt.Errorf("%q", shown)
	})
	first.end(4)
	watching.end(4)
	if shown := first.shown.String(); strings.Contains(shown, "nothing") ||
		strings.Contains(shown, "by the other") && strings.Contains(shown, "by the first") {
		t.Errorf("%q", shown)
	}
}

// Keys that mean something to a local terminal go to the session's own: Ctrl-C, Ctrl-Z, Ctrl-\.
func TestTerminalKeys(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("keys")
	f := newFixture(t, name)
	s := f.terminal(f.command("task", "exec", "-it", name, "sh", "-i"))
	s.ready()
	s.keys("sleep 100\n")
	time.Sleep(300 * time.Millisecond)
	s.keys("\x03echo inter'rup'ted\n")
	s.expect("interrupted")
	s.keys("sleep 100\n")
	time.Sleep(300 * time.Millisecond)
	s.keys("\x1a")
	s.expect("Stopped")
	s.keys("kill -KILL %1; wait; stty -echo; echo sil'ent'\n")
	s.expect("silent")
	s.keys("exit 6\n")
	s.end(6)
}

// A megabyte that is pasted arrives whole, characters of several bytes among it.
func TestPaste(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("paste")
	f := newFixture(t, name)
	s := f.terminal(f.command("task", "exec", "-it", name, "sh"))
	s.ready()
	// A terminal that reads lines takes 4,095 bytes a line at most: here no line is too long.
	s.keys("stty -echo; echo qui'et'; head -c 1048600 | md5sum; echo pas'ted'\n")
	s.expect("quiet")
	line := strings.Repeat("äß€😀", 8) + "\n"
	text := strings.Repeat(line, 1048600/len(line)+1)[:1048599] + "\n"
	s.keys(text)
	s.expect("pasted")
	want, _, _ := f.finish(exec.Command("md5sum"), text)
	s.expect(strings.Fields(want)[0])
	s.keys("exit 0\n")
	s.end(0)
}

// The size of the terminal changes while much is printed and typed: input is unharmed, and the
// last size wins.
func TestResizes(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("resizes")
	f := newFixture(t, name)
	s := f.terminal(f.command("task", "exec", "-it", name, "sh"))
	s.ready()
	count := max(100, 50*rig.SoakRounds())
	s.keys(fmt.Sprintf("stty -echo; yes 0123456789 | head -n 300000 & i=0; echo qui'et'; "+
		"while [ $i -lt %d ] && read l; do i=$((i+1)); [ \"$l\" = \"line $i\" ] || echo harm'ed' \"$l\"; done; "+
		"wait; echo al'l'; read l; stty size; exit 4\n",
		count))
	s.expect("quiet")
	for i := range count {
		s.resize(uint16(20+i%50), uint16(60+i%100))
		s.keys(fmt.Sprintf("line %d\n", i+1))
	}
	s.resize(31, 91)
	s.expect("all")
	time.Sleep(500 * time.Millisecond)
	s.keys("now\n")
	s.end(4)
	s.expect("31 91\r\n")
	if shown := s.shown.String(); strings.Contains(shown, "harmed") || !strings.HasSuffix(shown, "31 91\r\n") {
		t.Errorf("%q", shown[max(0, len(shown)-2000):])
	}
}
