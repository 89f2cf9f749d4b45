package launcher

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daytwo/daytwo/bench/rig"
)

// terminal is a shell on a real terminal.
type terminal struct {
	tmux, socket string
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		rig.Missing(t, "tmux", err.Error(), "apt-get install tmux")
	}
	w := &terminal{tmux, filepath.Join(t.TempDir(), "tmux")}
	w.run(t, "new-session", "-d", "-x", "200", "-y", "50", "env", "PS1=% ", "bash", "--norc", "-i")
	t.Cleanup(func() { w.run(t, "kill-server") })
	w.types(t, "%", 1) // earlier keys would be shown twice
	return w
}

func (w *terminal) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(w.tmux, append([]string{"-f", "/dev/null", "-S", w.socket}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// types sends keys, and waits until the text want is on the screen `times` times.
func (w *terminal) types(t *testing.T, want string, times int, keys ...string) {
	t.Helper()
	if len(keys) > 0 {
		w.run(t, append([]string{"send-keys"}, keys...)...)
	}
	var screen string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if screen = w.run(t, "capture-pane", "-p"); strings.Count(screen, want) >= times {
			return
		}
	}
	t.Fatalf("after %q the screen lacks %q:\n%s", keys, want, screen)
}

// stops sends Control-Z until the screen says that a job has stopped. A shell that waits
// for a command ignores it.
func (w *terminal) stops(t *testing.T) {
	t.Helper()
	rig.Eventually(t, patience, func() error {
		w.run(t, "send-keys", "C-z")
		var screen string
		shows := func() bool {
			screen = w.run(t, "capture-pane", "-p")
			return strings.Contains(screen, "Stopped")
		}
		if !eventually(time.Second, shows) {
			return fmt.Errorf("nothing has stopped:\n%s", screen)
		}
		return nil
	})
}

// onTerminal opens a terminal whose variable RUN is "daytwo run" with --log.
func onTerminal(t *testing.T, log string) (*terminal, api) {
	t.Helper()
	a := startAPI(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(programEnv, "1")
	t.Setenv("DAYTWO_LOG", log)
	t.Setenv("RUN", exe+" run --socket "+a.socket)
	return newTerminal(t), a
}

// forever runs until SIGINT ends it. A shell that is about to execute another program loses
// that signal.
const forever = "while :; do sleep 0.1; done"

// bg is a shell script that continues a job, and waits until that stops as it reads from
// the terminal. If the shell waited for a key meanwhile, it would take the terminal's
// settings of that moment for the job's.
const bg = `bg; until [ "$(jobs -s)" ]; do sleep 0.05; done; `

// fg brings a job to the foreground. The shell prints the job's command then, and takes
// keys that come earlier itself.
const (
	fg      = "echo fore''ground; fg"
	fgShows = "foreground\n$RUN"
)

// On a terminal, the shell's job control works as if the command ran without daytwo
// run: keys stop and interrupt the command, and the command stops if it reads from the
// terminal while it is in the background.
func TestTerminalJobs(t *testing.T) {
	w, a := onTerminal(t, LogNone)
	w.types(t, "ready", 1, "$RUN sh -c 'echo rea''dy; read x; echo got $x; "+forever+"'", "Enter")
	w.types(t, "Stopped", 1, "C-z")
	w.types(t, "Stopped", 2, bg+"jobs", "Enter")
	w.types(t, fgShows, 1, fg, "Enter")
	w.types(t, "got it", 1, "it", "Enter")
	w.types(t, "^C", 1, "C-c")
	w.types(t, "status 130", 1, "echo status $?", "Enter")
	a.nothingLeft(t)
}

// A shell that daytwo run starts has its own job control. When it ends, the terminal
// belongs to the outer shell again.
func TestTerminalShell(t *testing.T) {
	w, a := onTerminal(t, LogNone)
	w.types(t, "inner%", 2, "$RUN env PS1=inner% bash --norc -i", "Enter")
	w.types(t, "here", 1, "echo he''re; sleep 1000", "Enter")
	w.stops(t) // the first key may come before the shell has given the terminal to sleep
	w.types(t, "stopped jobs", 1, "exit 4", "Enter")
	w.types(t, "exit\n", 2, "exit 4", "Enter")
	w.types(t, "status 4", 1, "echo status $?", "Enter")
	a.nothingLeft(t)
}

// With a log, too, the shell's job control works, the output is on the screen, and the
// command is told when it is interrupted.
func TestTerminalLog(t *testing.T) { inJournald(t, testTerminalLog) }

func testTerminalLog(t *testing.T, d *rig.Journald) {
	w, a := onTerminal(t, LogJournald)
	w.types(t, "ready", 1, "$RUN --name tty sh -c 'echo rea''dy; read x; echo got $x; "+forever+"'", "Enter")
	w.types(t, "Stopped", 1, "C-z")
	w.types(t, fgShows, 1, fg, "Enter")
	w.types(t, "got it", 1, "it", "Enter")
	w.types(t, "^C", 1, "C-c")
	w.types(t, "status 130", 1, "echo status $?", "Enter")
	if d := cmp.Diff([]string{"got it", "ready"}, output(d, "tty", "MESSAGE")); d != "" {
		t.Error(d)
	}
	w.types(t, "status 5", 1, "$RUN --tty sh -c 'test -t 1 -a -t 2 && exit 5'; echo status $?", "Enter")
	a.nothingLeft(t)
}
