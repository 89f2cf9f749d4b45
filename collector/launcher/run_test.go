package launcher

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for something that usually takes milliseconds.
const patience = 20 * time.Second

// task is the result of a "daytwo run" that has ended.
type task struct {
	status   int
	out, err string
}

// ended runs a command until it ends, and returns its result.
func ended(t *testing.T, cmd *exec.Cmd) task {
	t.Helper()
	var out, errs bytes.Buffer
	if cmd.Stdin == nil {
		cmd.Stdin = strings.NewReader("in\n")
	}
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	cmd.Wait()
	if !stop.Stop() {
		t.Errorf("%q did not end within %v", cmd.Args, patience)
	}
	return task{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// running is a "daytwo run" whose task has printed its container id.
type running struct {
	*exec.Cmd
	id  string
	out *bufio.Scanner
}

// start starts a "daytwo run" and reads the first line of its output, which must be
// $CONTAINER_ID.
func start(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	r := &running{Cmd: cmd, out: bufio.NewScanner(out)}
	r.id = r.line(t)
	if len(taskCgroups(r.id)) == 0 {
		t.Fatalf("there is no cgroup of the task %q", r.id)
	}
	return r
}

// line returns the next line that the task prints.
func (r *running) line(t *testing.T) string {
	t.Helper()
	stop := time.AfterFunc(patience, func() { r.Process.Kill() })
	defer stop.Stop()
	if !r.out.Scan() {
		t.Fatalf("%q ends instead of printing a line: %v", r.Args, r.out.Err())
	}
	return r.out.Text()
}

// wait waits until the task ended, and returns its exit status.
func (r *running) wait(t *testing.T) int {
	t.Helper()
	stop := time.AfterFunc(patience, func() { r.Process.Kill() })
	defer stop.Stop()
	for r.out.Scan() {
	}
	r.Wait()
	return r.ProcessState.ExitCode()
}

// eventually waits until ok returns true, for d at most, and reports whether it did.
func eventually(d time.Duration, ok func() bool) bool {
	for end := time.Now().Add(d); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return ok()
		}
	}
	return true
}

// daytwo run exits with the status of its command. If the command does not run, it
// exits with another status and an error.
func TestStatus(t *testing.T) {
	a := startAPI(t)
	check := func(status int, want string, args ...string) {
		t.Helper()
		if got := ended(t, a.run(args...)); got.status != status || !strings.Contains(got.out+got.err, want) {
			t.Errorf("%q: status %d, want %d and %q\n%s%s", args, got.status, status, want, got.out, got.err)
		}
	}
	check(0, "in\n", "cat")
	check(7, "", "sh", "-c", "exit 7")
	check(128+9, "", "sh", "-c", "kill -9 $$")
	check(127, "not found", "--", "no-such-command-here")
	check(126, "permission denied", "/etc/passwd")
	check(2, "a command")
	check(2, "KEY=VALUE", "--label", "x", "true")
	a.nothingLeft(t)
}

// If there is no collector, or the collector has no free port, no command runs.
func TestNoEndpoint(t *testing.T) {
	a := startAPI(t)
	got := ended(t, api{socket: filepath.Join(t.TempDir(), "nobody")}.run("echo", "ran"))
	if got.status != 1 || got.out != "" || !strings.Contains(got.err, "--socket") {
		t.Errorf("without a collector: %+v", got)
	}
	other := newAPI(t, a.ports) // a already uses this range
	got = ended(t, other.run("echo", "ran"))
	if got.status != 1 || got.out != "" || !strings.Contains(got.err, "--statsd-ports") ||
		strings.Contains(got.err, "--socket") {
		t.Errorf("by a collector without ports: %+v", got)
	}
	a.nothingLeft(t)
}

// The environment of a task, as the kernel shows it, has the variables of its endpoint,
// id, name and tags, and none with daytwo's own credentials.
func TestEnvironment(t *testing.T) {
	a := startAPI(t)
	cmd := a.run("--name", "demo", "--label", "task_id=t1", "--label", "other=x", "cat", "/proc/self/environ")
	cmd.Env = append(cmd.Env, "DAYTWO_TOKEN=secret", "DAYTWO_TOKEN_FILE=/secret",
		"DAYTWO_NATS=nats://u:secret@h", "DAYTWO_NATS_CREDS=/secret", "DAYTWO_NATS_KEY=/secret",
		"DAYTWO_URL=http://h", "KEPT=1", "TASK_ID=outer", "DD_AGENT_HOST=", "DD_DOGSTATSD_PORT=")
	got := ended(t, cmd)
	env := map[string]string{}
	for v := range strings.SplitSeq(got.out, "\x00") {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	for name, want := range map[string]string{"TASK_NAME": "demo", "TASK_ID": "t1", "KEPT": "1", "DAYTWO_URL": "http://h",
		"STATSD_UDP_HOST": "127.0.0.1", "DD_AGENT_HOST": "127.0.0.1", "DD_DOGSTATSD_PORT": env["STATSD_UDP_PORT"]} {
		if env[name] != want || want == "" {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
	if len(env["CONTAINER_ID"]) != 64 || env["OTHER"] != "" || strings.Contains(got.out, "secret") {
		t.Errorf("the environment is %q", got.out)
	}
}

// Variables of Datadog's clients that are already set do not change.
func TestEnvironmentDatadog(t *testing.T) {
	a := startAPI(t)
	cmd := a.run("sh", "-c", "echo $DD_AGENT_HOST:$DD_DOGSTATSD_PORT")
	cmd.Env = append(cmd.Env, "DD_AGENT_HOST=agent")
	if got := ended(t, cmd); got.out != "agent:\n" {
		t.Errorf("%+v", got)
	}
}

// Signals are passed on to the command.
func TestSignals(t *testing.T) {
	a := startAPI(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1} {
		r := start(t, a.run("sh", "-c",
			fmt.Sprintf("trap 'echo got; exit 3' %d; echo $CONTAINER_ID; while :; do sleep 0.02; done", sig)))
		r.Process.Signal(sig)
		if got := r.line(t); got != "got" {
			t.Errorf("%v: the command says %q", sig, got)
		}
		if status := r.wait(t); status != 3 {
			t.Errorf("%v: status %d", sig, status)
		}
	}
	a.nothingLeft(t)
}

// The command has the working directory of daytwo run, and the files that daytwo run has
// inherited.
func TestInherited(t *testing.T) {
	a := startAPI(t)
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := a.run("sh", "-c", "pwd; echo hello >&3")
	cmd.Dir, cmd.ExtraFiles = dir, []*os.File{file}
	got := ended(t, cmd)
	if b, _ := os.ReadFile(file.Name()); got.out != dir+"\n" || string(b) != "hello\n" {
		t.Errorf("%+v, %q", got, b)
	}
}

// A launcher that is told to end before the command runs leaves nothing behind.
func TestCancelled(t *testing.T) {
	a := startAPI(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := order{ID: "cancelled-" + filepath.Base(t.TempDir()), Task: Task{Command: []string{"true"}, Socket: a.socket}}
	if status, err := o.run(ctx, func() { t.Error("the command runs") }); err == nil || status != 0 {
		t.Errorf("status %d, %v", status, err)
	}
	if left := taskCgroups(o.ID); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	a.nothingLeft(t)
}
