package launcher

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// inJournald runs body beside a journald of its own.
func inJournald(t *testing.T, body func(t *testing.T, d *rig.Journald)) {
	t.Helper()
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) { body(t, rig.StartJournald(t, "")) })
}

// logged returns the command "daytwo run" with args, whose task's output goes to journald.
func (a api) logged(args ...string) *exec.Cmd {
	cmd := a.run(args...)
	cmd.Env = append(cmd.Env, "DAYTWO_LOG=")
	return cmd
}

// output returns the values of fields of all entries of a task.
func output(d *rig.Journald, name string, fields ...string) (all []string) {
	d.Sync()
	for _, e := range d.Entries("TASK_NAME=" + name) {
		var one []string
		for _, f := range fields {
			one = append(one, fmt.Sprint(e[f]))
		}
		all = append(all, strings.Join(one, "|"))
	}
	slices.Sort(all) // the two streams are not in order
	return all
}

// What a task prints is passed on and goes to journald, with the task's fields.
func TestLog(t *testing.T) { inJournald(t, testLog) }

func testLog(t *testing.T, d *rig.Journald) {
	a := startAPI(t)
	got := ended(t, a.logged("--name", "web", "--label", "framework_name=shop", "--label", "com.example/x=y",
		"--label", "message=no", "sh", "-c", "echo out; echo; echo err >&2; printf last; exit 3"))
	if got.status != 3 || got.out != "out\n\nlast" || !strings.HasSuffix(got.err, "err\n") ||
		!strings.Contains(got.err, `["message"]`) {
		t.Errorf("%+v", got)
	}
	fields := []string{"STREAM", "PRIORITY", "MESSAGE", "SYSLOG_IDENTIFIER", "FRAMEWORK_NAME", "COM_EXAMPLE_X", "_COMM"}
	const common = "|web|shop|y|daytwo-log-pipe"
	want := []string{"STDERR|3|err" + common, "STDOUT|6|last" + common, "STDOUT|6|out" + common, "STDOUT|6|" + common}
	if d := cmp.Diff(want, output(d, "web", fields...)); d != "" {
		t.Error(d)
	}
	if ids := output(d, "web", "CONTAINER_ID"); len(ids[0]) != 64 || len(slices.Compact(ids)) != 1 {
		t.Errorf("container ids %q", ids)
	}
	a.nothingLeft(t)
}

// Many lines are all there when 'daytwo run' ends.
func TestLogMany(t *testing.T) { inJournald(t, testLogMany) }

func testLogMany(t *testing.T, d *rig.Journald) {
	a := startAPI(t)
	cmd := a.logged("--name", "many", "seq", "30000")
	if got := ended(t, cmd); got.status != 0 || strings.Count(got.out, "\n") != 30000 || got.err != "" {
		t.Errorf("status %d, %d lines, %s", got.status, strings.Count(got.out, "\n"), got.err)
	}
	entries := d.Entries("--output-fields=MESSAGE", "TASK_NAME=many")
	for i, e := range entries {
		if e["MESSAGE"] != fmt.Sprint(i+1) {
			t.Fatalf("entry %d is %q", i, e["MESSAGE"])
		}
	}
	if len(entries) != 30000 {
		t.Errorf("%d entries", len(entries))
	}
	a.nothingLeft(t)
}

// What a task in the background prints goes to journald after its launcher has ended,
// and after something has killed its log pipe. The log pipe is not in the task's cgroup.
func TestLogDetach(t *testing.T) { inJournald(t, testLogDetach) }

func testLogDetach(t *testing.T, d *rig.Journald) {
	a := startAPI(t)
	cmd := a.logged("--detach", "--name", "back", "sh", "-c",
		"i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done")
	got := ended(t, cmd)
	id := strings.TrimSuffix(got.out, "\n")
	if got.status != 0 || got.err != "" || len(id) != 64 {
		t.Fatalf("%+v", got)
	}
	more := func(than int) (n int) {
		t.Helper()
		rig.Eventually(t, patience, func() error {
			if n = len(d.Entries("CONTAINER_ID=" + id)); n <= than {
				return fmt.Errorf("%d entries", n)
			}
			return nil
		})
		return n
	}
	n := more(3)
	pid := logPipeOf(t, d, id)
	if slices.Contains(processes(t, id), pid) {
		t.Error("the log pipe is in the task's cgroup")
	}
	unix.Kill(pid, unix.SIGKILL)
	more(n + 10)
	again := logPipeOf(t, d, id)
	reports := d.Entries("CONTAINER_ID="+id, "MESSAGE_ID="+entry.PipeReport)
	if again == pid || len(reports) != 1 || reports[0]["LOG_PIPE_RESTARTED"] != "1" {
		t.Errorf("log pipes %d and %d, reports %v", pid, again, reports)
	}
	pids := append(processes(t, id), again, supervisor(t, id))
	unix.Kill(supervisor(t, id), unix.SIGTERM)
	a.gone(t, id, pids)
}

// logPipeOf returns the process that wrote a task's last entry.
func logPipeOf(t *testing.T, d *rig.Journald, id string) (pid int) {
	t.Helper()
	var e []map[string]any
	rig.Eventually(t, patience, func() error {
		if e = d.Entries("-n1", "CONTAINER_ID="+id); len(e) != 1 {
			return fmt.Errorf("%d entries", len(e))
		}
		return nil
	})
	if _, err := fmt.Sscan(fmt.Sprint(e[0]["_PID"]), &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// A killed launcher takes its task with it, and what the task has printed is logged.
func TestLogLauncherKilled(t *testing.T) { inJournald(t, testLogLauncherKilled) }

func testLogLauncherKilled(t *testing.T, d *rig.Journald) {
	a := startAPI(t)
	r, pids := startFamily(t, a.logged("sh", "-c", family))
	pids = append(pids, logPipeOf(t, d, r.id))
	r.Process.Kill()
	a.gone(t, r.id, pids)
}

// If nobody reads what a task prints, the task ends as it would without a log.
func TestLogReaderGone(t *testing.T) { inJournald(t, testLogReaderGone) }

func testLogReaderGone(t *testing.T, d *rig.Journald) {
	a := startAPI(t)
	cmd := a.logged("--name", "yes", "sh", "-c", "echo $CONTAINER_ID; exec yes")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Read(make([]byte, 100))
	out.Close()
	stop := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer stop.Stop()
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 128+int(unix.SIGPIPE) {
		t.Errorf("status %d", status)
	}
	a.nothingLeft(t)
}

// Another user's task may open its standard streams by name.
func TestLogUser(t *testing.T) { inJournald(t, testLogUser) }

func testLogUser(t *testing.T, d *rig.Journald) {
	a := startAPI(t)
	got := ended(t, a.logged("--name", "user", "--user", "1234:1234", "sh", "-c",
		"echo a >/dev/stdout; echo b >/dev/stderr"))
	if got.status != 0 || got.out != "a\n" || got.err != "b\n" {
		t.Errorf("%+v", got)
	}
}

// Without journald the task runs, and a warning says that its output is not logged.
func TestLogNoJournald(t *testing.T) {
	a := startAPI(t)
	for _, detach := range [][]string{nil, {"--detach"}} {
		args := append(detach, "--journal-namespace", "nobody", "sh", "-c", "echo out")
		got := ended(t, a.logged(args...))
		if got.status != 0 || !strings.Contains(got.err, "not logged") || !strings.Contains(got.err, "journal.nobody") {
			t.Errorf("%+v", got)
		}
		if detach == nil && got.out != "out\n" {
			t.Errorf("%+v", got)
		}
	}
	if got := ended(t, a.logged("--tty", "--journal-namespace", "nobody", "true")); got.err != "" {
		t.Errorf("%+v", got)
	}
	rig.Eventually(t, patience, func() error {
		if n := len(a.table.Endpoints()); n > 0 {
			return fmt.Errorf("%d endpoints are left", n)
		}
		return nil
	})
}

// The fields of a task's entries are its labels, as far as journald and DC/OS' bound
// permit.
func TestLogFields(t *testing.T) {
	labels := map[string]string{"task_id": "t", "empty": "", "1": "x", "task-name": "other"}
	for i := range 20 {
		labels[fmt.Sprintf("long%02d", i)] = strings.Repeat("x", 1000)
	}
	fields, left := logFields("agent", launch.Request{ContainerID: "c", Name: "n", Labels: labels})
	got := map[string]string{}
	bytes := 0
	for _, f := range fields {
		got[f.Name] = f.Value
		bytes += len(f.Name) + len(f.Value)
	}
	for name, want := range map[string]string{"AGENT_ID": "agent", "CONTAINER_ID": "c", "TASK_NAME": "n",
		"SYSLOG_IDENTIFIER": "n", "TASK_ID": "t"} {
		if got[name] != want {
			t.Errorf("%s is %q", name, got[name])
		}
	}
	if bytes > 10<<10 || got["LONG09"] == "" || got["LONG19"] != "" ||
		!slices.Contains(left, "1") || !slices.Contains(left, "task-name") || !slices.Contains(left, "long19") {
		t.Errorf("%d bytes of %d fields, and %q are left out", bytes, len(fields), left)
	}
}
