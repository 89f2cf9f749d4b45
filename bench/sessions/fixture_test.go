package sessions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// fixture is daytwo, and a task.
type fixture struct {
	*testing.T
	program, task string
	d             *rig.Daytwo
}

// newFixture starts daytwo and tasks, and waits until sessions can be opened in them. The
// fixture's task is the first one.
func newFixture(t *testing.T, tasks ...string) *fixture {
	t.Helper()
	return newFixtureWith(t, nil, tasks...)
}

// newFixtureWith is newFixture with more flags of 'daytwo up'.
func newFixtureWith(t *testing.T, flags []string, tasks ...string) *fixture {
	t.Helper()
	rig.NeedRoot(t, "daytwo run")
	// Who runs tests in the background of a shell has them ignore SIGINT, and their clients, too.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	t.Cleanup(func() { signal.Stop(interrupts) })
	f := &fixture{T: t, program: rig.Binary(t), task: tasks[0]}
	f.d = rig.Up(t, append([]string{"--interval", "500ms", "--no-bpf"}, flags...)...)
	for _, name := range tasks {
		f.start(name)
	}
	for _, name := range tasks {
		rig.Eventually(t, 20*time.Second, func() error {
			if out, errs, status := f.run("", "task", "exec", name, "true"); status != 0 {
				return fmt.Errorf("status %d, %s%s", status, out, errs)
			}
			return nil
		})
	}
	return f
}

// start starts a task that does nothing.
func (f *fixture) start(name string) *rig.Process {
	f.Helper()
	socket := filepath.Join(f.d.Data, launch.SocketName)
	return rig.StartProcess(f, exec.Command(f.program, "run", "--socket", socket, "--name", name, "--log", "none", "--",
		"sleep", "3600"))
}

// with returns the fixture for a part of its test.
func (f *fixture) with(t *testing.T) *fixture {
	g := *f
	g.T = t
	return &g
}

// command returns a client command: two words, and arguments.
func (f *fixture) command(args ...string) *exec.Cmd {
	return f.commandAt(f.d.Relay.URL, args...)
}

// commandAt is command with a relay at another address.
func (f *fixture) commandAt(url string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(f.Context(), 2*time.Minute)
	f.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, f.program, append(args[:2:2],
		append([]string{"--url", url, "--token", f.d.Relay.Token}, args[2:]...)...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	return cmd
}

// run runs a client command with some input.
func (f *fixture) run(stdin string, args ...string) (out, errs string, status int) {
	f.Helper()
	return f.finish(f.command(args...), stdin)
}

// finish runs a command with some input to its end.
func (f *fixture) finish(cmd *exec.Cmd, stdin string) (out, errs string, status int) {
	f.Helper()
	var o, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &o, &e
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		f.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// eventually waits until something is so.
func (f *fixture) eventually(is func() bool, what string) {
	f.Helper()
	rig.Eventually(f, 30*time.Second, func() error {
		if !is() {
			return errors.New("it is not so that " + what)
		}
		return nil
	})
}
