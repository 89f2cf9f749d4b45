package sessions

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// A command runs in several tasks at once. Lines are whole, and the status is the highest.
func TestAllMatching(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("several")
	names := []string{name + "-a", name + "-bb", name + "-c"}
	f := newFixture(t, names...)
	all := func(args ...string) (string, string, int) {
		return f.run("", append([]string{"task", "exec", "--all-matching", name + "-*"}, args...)...)
	}
	out, errs, status := all("--", "sh", "-c",
		"echo out; echo err >&2; printf part; case $TASK_NAME in *-bb) exit 7;; *-c) exit 3;; esac")
	want := fmt.Sprintf("%[1]s-a  | out\n%[1]s-a  | part\n%[1]s-bb | out\n%[1]s-bb | part\n"+
		"%[1]s-c  | out\n%[1]s-c  | part\n", name)
	if sortedLines(out) != want {
		t.Errorf("%s\nwant\n%s", out, want)
	}
	want = fmt.Sprintf("daytwo: %[1]s-bb: status 7\ndaytwo: %[1]s-c: status 3\n"+
		"daytwo: 1 of 3 tasks ended with status 0\n", name)
	if lines := strings.SplitAfterN(errs, "\n", 4); status != 7 || len(lines) != 4 || lines[3] != want ||
		sortedLines(strings.Join(lines[:3], "")) != fmt.Sprintf("%[1]s-a  | err\n%[1]s-bb | err\n%[1]s-c  | err\n", name) {
		t.Errorf("status %d, %s", status, errs)
	}

	// Much output of all of them, through two at a time.
	out, errs, status = all("--parallel", "2", "--", "seq", "1", "100000")
	counts, next := map[string]int{}, map[string]int{}
	for line := range strings.Lines(out) {
		task, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " | ")
		task = strings.TrimSpace(task)
		if next[task]++; !ok || text != fmt.Sprint(next[task]) {
			t.Fatalf("line %d of %s is %q", next[task], task, line)
		}
		counts[task]++
	}
	for _, n := range names {
		if counts[n] != 100_000 || status != 0 {
			t.Errorf("%s: %d lines, status %d, %s", n, counts[n], status, errs)
		}
	}

	// A line that is longer than what is kept, and no line at all.
	out, _, _ = all("--", "sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x")
	if got := strings.Count(out, "x"); got != 300_000 {
		t.Errorf("%d of 300000 bytes", got)
	}

	out, errs, status = all("--json", "--", "sh", "-c", "echo hello; echo oops >&2; printf part; exit 2")
	ends, texts := 0, []string{}
	for line := range strings.Lines(out) {
		var doc struct {
			Task, Agent, Stream, Line, Error string
			ContainerID                      string `json:"container_id"`
			Partial                          bool
			Status                           *int
			Exit                             *struct{ Code int }
		}
		if err := json.Unmarshal([]byte(line), &doc); err != nil || doc.Agent == "" || doc.ContainerID == "" ||
			!slices.Contains(names, doc.Task) {
			t.Fatalf("%v in %s", err, line)
		}
		if doc.Status == nil {
			texts = append(texts, fmt.Sprint(doc.Stream, doc.Line, doc.Partial))
			continue
		}
		if ends++; *doc.Status != 2 || doc.Exit == nil || doc.Exit.Code != 2 {
			t.Errorf("%s", line)
		}
	}
	slices.Sort(texts)
	if got := slices.Compact(texts); ends != 3 || status != 2 || errs != "" ||
		!slices.Equal(got, []string{"stderroopsfalse", "stdouthellofalse", "stdoutparttrue"}) {
		t.Errorf("status %d, %d ends, %q, %s", status, ends, got, errs)
	}

	for _, args := range [][]string{{"-i", "--", "cat"}, {"-t", "--", "ls"}, {"--parallel", "0", "--", "ls"}} {
		if _, errs, status := all(args...); status != 2 {
			t.Errorf("%q: status %d, %s", args, status, errs)
		}
	}
	if _, errs, status := f.run("", "task", "exec", "--all-matching", "nothing-of-this-name", "ls"); status != 1 ||
		!strings.Contains(errs, "no task matches") {
		t.Errorf("status %d, %s", status, errs)
	}
}

func sortedLines(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// A signal ends the command everywhere, also where the program ignores it, and begins it nowhere.
func TestAllMatchingSignals(t *testing.T) {
	t.Parallel()
	name := rig.UniqueName("stop")
	f := newFixture(t, name+"-1", name+"-2", name+"-3")
	for _, c := range []struct {
		program string
		want    []string // of standard error
	}{
		{"trap 'echo bye; exit 4' INT; echo ready; while :; do sleep 0.05; done",
			[]string{"-1: status 4\n", "-2: status 4\n", "-3: status 130: not started\n"}},
		{"trap '' INT; echo ready; while :; do sleep 1; done",
			[]string{"-1: status 129: the session was ended: by admin\n", "-3: status 130: not started\n"}},
	} {
		cmd := f.command("task", "exec", "--all-matching", name+"-*", "--parallel", "2", "--", "sh", "-c", c.program)
		out, errs := new(rig.Buffer), new(rig.Buffer)
		cmd.Stdout, cmd.Stderr = out, errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		f.eventually(func() bool { return strings.Count(out.String(), "ready\n") == 2 }, "two programs run")
		begun := time.Now()
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		status := cmd.ProcessState.ExitCode()
		for _, want := range c.want {
			if !strings.Contains(errs.String(), want) || status != 130 || time.Since(begun) > 20*time.Second {
				t.Errorf("status %d after %v, %s%s", status, time.Since(begun), out, errs)
			}
		}
	}
}
