package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/daytwo/daytwo/bench/rig"
)

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
		ok(`$DAYTWO log-pipe -t two --stdout-fd 3 --stderr-fd 4 --stderr-priority 6 --strip-cr 3< <(echo out) 4< <(sleep 0.1; printf 'err\r\n')`, "")
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
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
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
		if err := cmd.Wait(); err != nil || !strings.Contains(errs.String(), "lines=4 ") {
			t.Errorf("%v: %s", err, errs.String())
		}
		check(entries("SYSLOG_IDENTIFIER=fifo", "MESSAGE"), "writer 0", "writer 1", "writer 2", "last word")
	})
}
