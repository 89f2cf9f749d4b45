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
	k := typeInto(f.T, f.command("task", "exec", "-i", "-t", f.container.Name, "sh"), 57, 203)
	k.expect("# ") // before it, the terminal of this test would echo and keep what is typed
	k.keys("stty size; tty; echo TERM=$TERM\n")
	k.expect("57 203")
	k.expect("/dev/pts/")
	k.expect("TERM=xterm")
	k.resize(20, 70)
	// The client takes some time to notice.
	k.until("stty size\n", func(screen string) bool { return strings.Contains(screen, "20 70") })
	k.keys("sleep 100\n")
	k.expect("sleep 100\r\n")
	prompts := strings.Count(k.screen.String(), "# ")
	// The shell may not have started it yet.
	k.until("\x03", func(screen string) bool { return strings.Count(screen, "# ") > prompts })
	k.keys("echo inter'rup'ted\n")
	k.expect("interrupted")
	k.keys("exit 42\n")
	k.ends(0) // this client never tells
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
