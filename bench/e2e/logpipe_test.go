package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// What journald's rate limit suppresses is counted and reported, by what the journal
// says of it.
func TestLogPipeRateLimit(t *testing.T) {
	t.Parallel()
	rig.Need(t, rig.CgroupV2)
	program := rig.Binary(t)
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		d := rig.StartJournald(t, "RateLimitIntervalSec=1s\nRateLimitBurst=100\n")
		unit := unitCgroup(t)
		cmd := exec.Command(program, "log-pipe", "-t", "chatty")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(unit.Fd())}
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		const lines = 50_000 // the limit rises with the free space of the disk
		for i := range lines {
			fmt.Fprintf(in, "line %d\n", i+1)
		}
		rig.Eventually(t, 20*time.Second, func() error { // journald tells with a later entry
			fmt.Fprintln(in, "later")
			if len(d.Entries("MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e")) == 0 {
				return errors.New("journald has suppressed nothing, or does not tell")
			}
			return nil
		})
		in.Close()
		cmd.Wait()
		d.Sync()
		reports := d.Entries("MESSAGE_ID=d2a7f0c6b0f64b2c8f5a3c1e9b7d4e60")
		if len(reports) != 1 || reports[0]["SYSLOG_IDENTIFIER"] != "chatty" || reports[0]["PRIORITY"] != "4" {
			t.Fatalf("%v\n%s", reports, errs.String())
		}
		suppressed, _ := strconv.Atoi(fmt.Sprint(reports[0]["SUPPRESSED_LINES"]))
		kept := 0
		for _, e := range d.Entries("SYSLOG_IDENTIFIER=chatty") {
			if strings.HasPrefix(fmt.Sprint(e["MESSAGE"]), "line ") {
				kept++
			}
		}
		if suppressed == 0 || kept+suppressed < lines || kept >= lines {
			t.Errorf("%d lines are kept and %d suppressed, of %d", kept, suppressed, lines)
		}
		if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(errs.String(), "rate limit") {
			t.Errorf("status %d: %s", status, errs.String())
		}
	})
}

// The entries of a task that 'daytwo run' starts name the node, as its collector does.
func TestRunLog(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		d := rig.StartJournald(t, "")
		c := rig.Start(t, rig.Options{Program: "collector", Args: []string{"--nats", "none", "--agent-id", "node-7"}})
		socket := filepath.Join(c.Data, launch.SocketName)
		rig.Eventually(t, rig.Ready, func() error {
			out, err := exec.Command(rig.Binary(t), "run", "--socket", socket, "--name", "hello", "--", "echo",
				"hi").CombinedOutput()
			if err == nil && string(out) != "hi\n" || err != nil {
				return fmt.Errorf("%v: %s", err, out)
			}
			return nil
		})
		d.Sync()
		entries := d.Entries("TASK_NAME=hello")
		if len(entries) != 1 || entries[0]["MESSAGE"] != "hi" || entries[0]["AGENT_ID"] != "node-7" {
			t.Errorf("%v", entries)
		}
		c.Stop(t)
	})
}

// unitCgroup makes a cgroup that journald takes for a unit's, and opens it.
func unitCgroup(t *testing.T) *os.File {
	t.Helper()
	root := "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/unified"); err == nil {
		root += "/unified"
	}
	dir := filepath.Join(root, rig.UniqueName("daytwo-test")+".service")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		rig.Eventually(t, 20*time.Second, func() error { return syscall.Rmdir(dir) })
	})
	return f
}

// 'daytwo log-pipe' writes to journald what it reads from standard input, two
// descriptors, and named pipes.
func TestLogPipe(t *testing.T) {
	program := rig.Binary(t)
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		d := rig.StartJournald(t, "")
		dir := t.TempDir()
		shell := func(script string) (out string, status int) {
			t.Helper()
			cmd := exec.Command("bash", "-c", script)
			cmd.Env = append(os.Environ(), "DAYTWO="+program, "TASK_NAME=env", "FRAMEWORK_ID=f", "OTHER=x")
			cmd.Dir = dir
			b, _ := cmd.CombinedOutput()
			return string(b), cmd.ProcessState.ExitCode()
		}
		ok := func(script, want string) {
			t.Helper()
			if out, status := shell(script); status != 0 || out != want {
				t.Errorf("%s: status %d: %q, want %q", script, status, out, want)
			}
		}
		entries := func(match string, fields ...string) (all []string) {
			t.Helper()
			d.Sync()
			for _, e := range d.Entries(match) {
				var one []string
				for _, f := range fields {
					one = append(one, fmt.Sprint(e[f]))
				}
				all = append(all, strings.Join(one, "|"))
			}
			return all
		}
		check := func(got []string, want ...string) {
			t.Helper()
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		}
		ok(`printf 'a\n\nb' | $DAYTWO log-pipe -t one --label com.x/y=z --label container_id=p.c`, "")
		check(entries("SYSLOG_IDENTIFIER=one", "MESSAGE", "STREAM", "PRIORITY", "COM_X_Y", "CONTAINER_ID", "LINE_BREAK"),
			"a|STDOUT|6|z|p.c|<nil>", "|STDOUT|6|z|p.c|<nil>", "b|STDOUT|6|z|p.c|eof")
		ok(`printf 'a\n<2>b\n' | $DAYTWO log-pipe --origin-env --level-prefix -p notice --tee`, "a\n<2>b\n")
		check(entries("FRAMEWORK_ID=f", "MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "TASK_NAME", "OTHER"),
			"a|5|env|env|<nil>", "b|2|env|env|<nil>")
		ok(`$DAYTWO log-pipe -t two --stdout-fd 3 --stderr-fd 4 --stderr-priority 6 --strip-cr \
			3< <(echo out) 4< <(sleep 0.1; printf 'err\r\n')`, "")
		check(entries("SYSLOG_IDENTIFIER=two", "MESSAGE", "STREAM", "PRIORITY"), "out|STDOUT|6", "err|STDERR|6")

		for args, want := range map[string]string{
			"--stdout-fd 9":                   "descriptor 9 is not open",
			"--stdout-fd x":                   "number of an open descriptor",
			"--stdout-fd 0 --stderr-fd 0":     "are the same",
			"--label x":                       "KEY=VALUE",
			"--label MESSAGE=x":               "another name",
			"--label a=1 --label A=2":         "given twice",
			"--priority high":                 "emerg",
			"--line-max 5":                    "longest line",
			"--on-full wait":                  "block or drop",
			`--label "l=$(printf %11000d 1)"`: "10240",
			"--fifo x --stderr-fifo x":        "are the same",
			"--journal-namespace nobody -t x": "is journald running?",
		} {
			out, status := shell("$DAYTWO log-pipe " + args + " </dev/null")
			if wantStatus := 2 - strings.Count(args, "nobody"); status != wantStatus || !strings.Contains(out, want) {
				t.Errorf("%s: status %d, want %d: %s", args, status, wantStatus, out)
			}
		}

		// A named pipe is made, has one writer after the other, and ends by SIGTERM.
		fifo := filepath.Join(dir, "fifo")
		var errs bytes.Buffer
		cmd := exec.Command(program, "log-pipe", "-t", "fifo", "--fifo", fifo, "--stats", "--partial-after", "0")
		cmd.Stderr = &errs
		pipe := rig.StartProcess(t, cmd)
		rig.Eventually(t, 20*time.Second, func() error { _, err := os.Stat(fifo); return err })
		for i := range 3 {
			f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(f, "writer %d\n", i)
			f.Close()
		}
		f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Process.Signal(syscall.SIGTERM)
		time.Sleep(50 * time.Millisecond)
		io.WriteString(f, "last word") // of a program that ends
		f.Close()
		if err := pipe.Wait(t, time.Minute); err != nil || !strings.Contains(errs.String(), "lines=4 ") {
			t.Errorf("%v: %s", err, errs.String())
		}
		check(entries("SYSLOG_IDENTIFIER=fifo", "MESSAGE"), "writer 0", "writer 1", "writer 2", "last word")
	})
}
