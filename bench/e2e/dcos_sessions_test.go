package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// dcosSessions is a docker container, and DC/OS' command line.
type dcosSessions struct {
	*testing.T
	d         *rig.Daytwo
	dcos      *rig.DCOSCLI
	container *rig.Container
}

func newDCOSSessions(t *testing.T) *dcosSessions {
	docker := rig.Docker(t)
	d := rig.StartReady(t, rig.Options{Args: []string{"--interval", "500ms", "--no-bpf", "--agent-id", dcosAgent},
		Env: []string{"DOCKER_HOST=unix://" + docker.Socket}})
	c := docker.Run(t, rig.Spec{Name: rig.UniqueName("dcos-shell"), Cmd: []string{"/bin/sh", "-c",
		"while sleep 0.2; do echo to out; echo to err >&2; done"},
		Env: map[string]string{"PLACE": "inside"}})
	f := &dcosSessions{T: t, d: d, dcos: rig.DCOS(t, d.Relay.URL, d.Relay.Token), container: c}
	rig.Eventually(t, 20*time.Second, func() error {
		if out, errs, status := f.run("", "task", "exec", c.Name, "echo", "ready"); out != "ready\n" {
			return fmt.Errorf("status %d, %s%s", status, out, errs)
		}
		return nil
	})
	return f
}

// command returns dcos with its subcommands in a process group of its own.
func (f *dcosSessions) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(f.Context(), 40*time.Second)
	f.Cleanup(cancel)
	cmd := f.dcos.Command(ctx, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// run runs dcos with some input.
func (f *dcosSessions) run(stdin string, args ...string) (out, errs string, status int) {
	f.Helper()
	var o, e bytes.Buffer
	cmd := f.command(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &o, &e
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		f.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// The unmodified command line of DC/OS runs commands in a docker container, which DC/OS could not.
func TestDCOSTaskExec(t *testing.T) {
	f := newDCOSSessions(t)
	name := f.container.Name
	for _, c := range []struct {
		stdin, out, errs string
		args             []string
	}{
		{"", "inside\n", "", []string{name, "sh", "-c", "echo $PLACE"}},
		{"", "out\n", "err\n", []string{name, "sh", "-c", "echo out; echo err >&2; exit 7"}}, // it shows no exit code
		{"typed\nmore", "typed\nmore", "", []string{"-i", name, "cat"}},
		{"", "", "", []string{"-i", name, "cat"}},
		{"", "-x --y\n", "", []string{name, "echo", "-x", "--y"}},
		{strings.Repeat("0123456789abcde\n", 8000), "128000\n", "", []string{"--interactive", name, "wc", "-c"}},
		{"", strings.Repeat("0123456789abcde\n", 100_000), "",
			[]string{name, "sh", "-c", "yes 0123456789abcde | head -n 100000"}},
		{"", strings.Repeat("quick\n", 1), "", []string{"-i", name, "echo", "quick"}},
	} {
		out, errs, status := f.run(c.stdin, append([]string{"task", "exec"}, c.args...)...)
		if out != c.out || errs != c.errs || status != 0 {
			t.Errorf("%q: status %d, %d bytes %.80q, %.900q; want 0, %d bytes %.80q, %q", c.args,
				status, len(out), out, errs, len(c.out), c.out, c.errs)
		}
	}
	if out, errs, status := f.run("", "task", "exec", name, "nothing-of-this-name"); status != 0 || out != "" ||
		!strings.Contains(errs, "nothing-of-this-name") {
		t.Errorf("a command that does not exist: status %d, %q, %q", status, out, errs)
	}
	if out, errs, status := f.run("", "task", "exec", "nothing-of-this-name", "true"); status == 0 || out != "" ||
		strings.Contains(errs, "Traceback") {
		t.Errorf("a task that does not exist: status %d, %q, %q", status, out, errs)
	}
	other := rig.DCOS(t, f.d.Relay.URL, "some-other-token-altogether")
	if _, errs, status := other.Run(t, "task", "exec", name, "true"); status == 0 ||
		!strings.Contains(strings.ToLower(errs), "token") {
		t.Errorf("a wrong token: status %d, %s", status, errs)
	}
	f.onTerminal()
	f.isDestroyed()
}

// onTerminal types into a shell on a terminal.
func (f *dcosSessions) onTerminal() {
	f.Helper()
	master, slave := openTerminal(f.T)
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 57, Col: 203}); err != nil {
		f.Fatal(err)
	}
	cmd := f.command("task", "exec", "-i", "-t", f.container.Name, "sh")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Cancel() // it may have ended
			_ = cmd.Wait()
		}
	})
	screen := new(rig.Buffer)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			_, _ = screen.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	expect := func(keys, text string) {
		f.Helper()
		if _, err := master.WriteString(keys); err != nil {
			f.Fatal(err)
		}
		rig.Eventually(f, 20*time.Second, func() error {
			if !strings.Contains(screen.String(), text) {
				return fmt.Errorf("no %q on the screen: %q", text, screen.String())
			}
			return nil
		})
	}
	expect("", "# ") // before it, the terminal of this test would echo and keep what is typed
	expect("stty size; tty; echo TERM=$TERM\n", "57 203")
	expect("", "/dev/pts/")
	expect("", "TERM=xterm")
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 20, Col: 70}); err != nil {
		f.Fatal(err)
	}
	rig.Eventually(f, 20*time.Second, func() error { // the client takes some time to notice
		if _, err := master.WriteString("stty size\n"); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
		if !strings.Contains(screen.String(), "20 70") {
			return fmt.Errorf("the size did not change: %q", screen.String())
		}
		return nil
	})
	expect("sleep 100\n", "sleep 100\r\n")
	prompts := strings.Count(screen.String(), "# ")
	rig.Eventually(f, 20*time.Second, func() error { // the shell may not have started it yet
		if _, err := master.WriteString("\x03"); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
		if strings.Count(screen.String(), "# ") == prompts {
			return fmt.Errorf("no prompt after Ctrl-C: %q", screen.String())
		}
		return nil
	})
	expect("echo inter'rup'ted\n", "interrupted")
	expect("exit 42\n", "exit 42")
	err := cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 0 { // this client never tells
		f.Errorf("status %d, %v: %q", status, err, screen.String())
	}
}

// isDestroyed kills the client, after which nothing of its session may run.
func (f *dcosSessions) isDestroyed() {
	f.Helper()
	forever := fmt.Sprint("sleep ", 1_000_000+os.Getpid())
	cmd := f.command("task", "exec", "-i", f.container.Name, "sh", "-c", "setsid "+forever+" & exec "+forever)
	in, err := cmd.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	rig.Eventually(f, 20*time.Second, func() error {
		if notRunning(forever) == nil {
			return errors.New("it does not run")
		}
		return nil
	})
	if err := cmd.Cancel(); err != nil {
		f.Fatal(err)
	}
	_ = cmd.Wait()
	rig.Eventually(f, 5*time.Second, func() error { return notRunning(forever) })
}

// notRunning returns an error if a process with these arguments runs.
func notRunning(args string) error {
	out, err := exec.Command("ps", "axo", "args").Output()
	if err == nil && strings.Contains("\n"+string(out), "\n"+args+"\n") {
		err = errors.New("a process of a session is left")
	}
	return err
}
