package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// sessionFixture is daytwo, and a container.
type sessionFixture struct {
	*testing.T
	program, container string
	d                  *rig.Daytwo
}

// command returns a client command.
func (f *sessionFixture) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(f.Context(), 40*time.Second)
	f.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, f.program, append(args[:2:2],
		append([]string{"--url", f.d.Relay.URL, "--token", f.d.Relay.Token}, args[2:]...)...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// run runs a client command with some input.
func (f *sessionFixture) run(stdin string, args ...string) (out, errs string, status int) {
	f.Helper()
	var o, e bytes.Buffer
	cmd := f.command(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &o, &e
	err := cmd.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		f.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// Commands run in a docker container from elsewhere, with the right output and exit status.
func TestTaskExec(t *testing.T) {
	program := rig.Binary(t)
	docker := rig.Docker(t)
	d := rig.StartReady(t, rig.Options{Args: []string{"--interval", "500ms", "--no-bpf"},
		Env: []string{"DOCKER_HOST=unix://" + docker.Socket}})
	name := rig.UniqueName("shell")
	forever := fmt.Sprint("sleep ", 1_000_000+os.Getpid()) // whose process is known by its arguments
	c := docker.Run(t, rig.Spec{Name: name, Cmd: []string{"/bin/sleep", "600"}, Env: map[string]string{"PLACE": "inside"}})
	f := &sessionFixture{T: t, program: program, container: name, d: d}
	rig.Eventually(t, 20*time.Second, func() error {
		if out, errs, status := f.run("", "task", "exec", name, "true"); status != 0 {
			return fmt.Errorf("status %d, %s%s", status, out, errs)
		}
		return nil
	})

	t.Run("output and status", func(t *testing.T) {
		f := *f
		f.T = t
		for _, c := range []struct {
			stdin, out, errs string
			status           int
			args             []string
		}{
			{"", "inside\n", "", 0, []string{name, "sh", "-c", "echo $PLACE"}},
			{"", "out\n", "err\n", 7, []string{name, "--", "sh", "-c", "echo out; echo err >&2; exit 7"}},
			{"", "-x -it --y\n", "", 0, []string{name, "echo", "-x", "-it", "--y"}}, // dcos' order, without --
			{"typed", "typed -n\n", "", 0, []string{"-i", "--user", "0", name, "sh", "-c", "cat; echo \" $0\"", "-n"}},
			{"typed\nmore", "typed\nmore", "", 3, []string{"-i", name, "sh", "-c", "cat; exit 3"}},
			{"", "/tmp x\n", "", 0, []string{"-w", "/tmp", "-e", "A=x", name, "sh", "-c", "echo $PWD $A"}},
			{"", "", "", 128 + 9, []string{name, "sh", "-c", "kill -9 $$"}},
			{"", "ok\n", "", 0, []string{name, "sh", "-c", forever + " & echo ok"}},
			{"", strings.Repeat("0123456789abcde\n", 200_000), "", 0,
				[]string{name, "sh", "-c", "yes 0123456789abcde | head -n 200000"}},
		} {
			out, errs, status := f.run(c.stdin, append([]string{"task", "exec"}, c.args...)...)
			if out != c.out || errs != c.errs || status != c.status {
				t.Errorf("%q: status %d, %d bytes %.80q, %.200q; want %d, %d bytes %.80q, %q", c.args,
					status, len(out), out, errs, c.status, len(c.out), c.out, c.errs)
			}
		}
		if _, errs, status := f.run("", "task", "exec", name, "nothing-of-this-name"); status != 127 {
			t.Errorf("a command that does not exist: status %d, %s", status, errs)
		}
		if _, errs, status := f.run("", "task", "exec", "nothing-of-this-name", "true"); status != 1 ||
			!strings.Contains(errs, "no running container matches") {
			t.Errorf("a container that does not exist: status %d, %s", status, errs)
		}
	})

	t.Run("terminal", func(t *testing.T) {
		f := *f
		f.T = t
		f.terminal()
	})

	t.Run("attach", func(t *testing.T) {
		f := *f
		f.T = t
		f.attach()
	})

	t.Run("nothing is left", func(t *testing.T) {
		f := *f
		f.T = t
		rig.Eventually(t, 10*time.Second, func() error {
			out, err := exec.Command("ps", "axo", "args").Output()
			if err != nil || strings.Contains(string(out), forever) {
				return fmt.Errorf("a process of a session is left: %v", err)
			}
			return nil
		})
	})
	c.Stop()
	d.Stop(t)
}

// terminal types into a shell on a terminal.
func (f *sessionFixture) terminal() {
	k := typeInto(f.T, f.command("task", "exec", "-it", f.container, "sh"), 57, 203)
	k.keys("stty size; tty; echo TERM=$TERM\n")
	k.expect("57 203")
	k.expect("/dev/pts/")
	k.resize(20, 70)
	k.until("stty size\n", func(screen string) bool { return strings.Contains(screen, "20 70") })
	k.keys("sleep 100\n")
	time.Sleep(200 * time.Millisecond)
	k.keys("\x03echo inter'rup'ted\n")
	k.expect("interrupted")
	k.keys("exit 42\n")
	k.ends(42)
}

// attach attaches to a task: to its session, and to its own output without one.
func (f *sessionFixture) attach() {
	start := func(stdin io.Reader, args ...string) (*exec.Cmd, *rig.Buffer) {
		f.Helper()
		cmd, out := f.command(append([]string{"task"}, args...)...), new(rig.Buffer)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, out, out
		if err := cmd.Start(); err != nil {
			f.Fatal(err)
		}
		return cmd, out
	}
	has := func(out *rig.Buffer, text string) {
		f.Helper()
		rig.Eventually(f, 20*time.Second, func() error {
			if !strings.Contains(out.String(), text) {
				return fmt.Errorf("no %q in %q", text, out.String())
			}
			return nil
		})
	}
	none, out := start(nil, "attach", f.container)
	has(out, "no session runs in "+f.container)
	if err := none.Process.Kill(); err != nil {
		f.Error(err)
	}
	_ = none.Wait() // it was killed
	r, w, err := os.Pipe()
	if err != nil {
		f.Fatal(err)
	}
	defer r.Close()
	first, seen := start(r, "exec", "-i", f.container, "sh", "-c", "echo begun; read x; echo got $x; read x; exit 9")
	has(seen, "begun")
	second, out := start(nil, "attach", "--no-stdin", f.container)
	has(out, "begun") // what is still kept comes first
	if _, err := w.WriteString("typed\n"); err != nil {
		f.Fatal(err)
	}
	has(out, "got typed")
	third, more := start(strings.NewReader(""), "exec", "-i", f.container, "sh", "-c", "echo begun; sleep 100")
	has(more, "begun")
	if _, errs, status := f.run("", "task", "attach", f.container); status != 1 ||
		!strings.Contains(errs, "2 sessions run in "+f.container) || !strings.Contains(errs, "read x; exit 9") {
		f.Errorf("two sessions: status %d, %s", status, errs)
	}
	if err := third.Process.Signal(syscall.SIGTERM); err != nil { // it is passed on
		f.Error(err)
	}
	_ = third.Wait() // of a signal
	w.Close()
	for _, cmd := range []*exec.Cmd{first, second} {
		if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 9 { // Wait's error is the status
			f.Errorf("%v: status %d", cmd.Args, cmd.ProcessState.ExitCode())
		}
	}
}
