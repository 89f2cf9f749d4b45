package launcher

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// daytwo run ends as its command does, and passes signals on.
func TestRunStatus(t *testing.T) {
	a := startAPI(t)
	socket := a.socket
	check := func(code int, want string, args ...string) {
		t.Helper()
		cmd := program(socket, args...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr, cmd.Stdin = &out, &errs, strings.NewReader("in\n")
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(out.String()+errs.String(), want) {
			t.Errorf("%q: status %d, want %d\n%s%s", args, got, code, &out, &errs)
		}
	}
	check(0, "in\n", "cat")
	check(7, "", "sh", "-c", "exit 7")
	check(128+9, "", "sh", "-c", "kill -9 $$")
	check(127, "not found", "--", "no-such-command-here")
	check(126, "permission denied", "/etc/passwd")
	check(2, "want a command")
	check(2, "KEY=VALUE", "--label", "x", "true")
	check(0, "TASK_NAME=sh\n", "sh", "-c", "env")
	check(0, "DD_AGENT_HOST=127.0.0.1\n", "sh", "-c", "env | grep -v STATSD")
	check(0, "demo", "--name", "demo", "--label", "task_id=t1", "sh", "-c", `test "$TASK_ID" = t1 && echo $TASK_NAME`)
	start := time.Now()
	check(0, "left", "sh", "-c", "sleep 300 >/dev/null 2>&1 & echo left") // what is left running ends too
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("the end took %v", d)
	}
	startAPIless := filepath.Join(t.TempDir(), "nobody")
	cmd := program(startAPIless, "true")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "--socket") {
		t.Errorf("without a collector: %v\n%s", err, out)
	}

	// One that hands out no ports says why.
	other := newAPI(t, a.ports) // a has those
	cmd = program(other.socket, "true")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "--statsd-ports") || strings.Contains(string(out), "--socket") {
		t.Errorf("by a collector without ports: %v\n%s", err, out)
	}

	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1} {
		cmd := program(socket, "sh", "-c", fmt.Sprintf("trap 'echo got; exit 3' %d; echo ready; while :; do sleep 0.02; done", sig))
		pipe, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 64)
		n, _ := pipe.Read(b)
		cmd.Process.Signal(sig)
		n2, _ := pipe.Read(b[n:])
		cmd.Wait()
		if string(b[:n+n2]) != "ready\ngot\n" || cmd.ProcessState.ExitCode() != 3 {
			t.Errorf("signal %v: %q, %v", sig, b[:n+n2], cmd.ProcessState)
		}
	}
	if len(a.table.Endpoints()) != 0 || len(taskCgroups("*")) != 0 {
		t.Errorf("left behind: %v %v", a.table.Endpoints(), taskCgroups("*"))
	}
}
