package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

// serveLogs starts a relay's routes over logs in memory, and over one node's tick, whose
// container "web" has the id 0123456789abcdef.
func serveLogs(t *testing.T) *testlogs.Logs {
	t.Helper()
	store := testlogs.New("")
	local := query.NewLocal("agent-1", "alpha")
	local.Update(func(b *frame.Batch) { query.CopyBatch(b, tick(1)) })
	serveRoutes(t, server.Options{Fleet: local, Logs: store})
	return store
}

// addLines adds lines of a container, with its task's name.
func addLines(s *testlogs.Logs, container, name, stream string, from, to int) {
	for i := from; i <= to; i++ {
		e := testlogs.Line("agent-1", container, stream, fmt.Sprintf("%s %s %d", name, strings.ToLower(stream), i), i)
		e.Origin.SetTag("task_id", container)
		e.Origin.SetTag("task_name", name)
		e.Fields = append(e.Fields, entry.Field{Name: "_SYSTEMD_UNIT", Value: []byte(name + ".service")})
		s.Add(e)
	}
}

func TestTaskLog(t *testing.T) {
	s := serveLogs(t)
	const id = "0123456789abcdef"
	addLines(s, id, "web", "STDOUT", 1, 20)
	addLines(s, id, "web", "STDERR", 21, 22)
	addLines(s, "beef", "job", "STDOUT", 23, 25)
	lines := func(args ...string) []string {
		t.Helper()
		out, _ := ask(t, 0, append([]string{"task", "log"}, args...)...)
		return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	}
	if got := lines("web"); len(got) != 10 || got[0] != "web stdout 13" || got[9] != "web stderr 22" {
		t.Errorf("the last lines: %q", got)
	}
	if got := lines("web", "stderr"); len(got) != 2 || got[0] != "web stderr 21" {
		t.Errorf("stderr: %q", got)
	}
	if got := lines("web", "--all"); len(got) != 22 || got[0] != "web stdout 1" {
		t.Errorf("all: %q", got)
	}
	if got := lines("web", "-n", "2", "-r"); len(got) != 2 || got[0] != "web stderr 22" || got[1] != "web stderr 21" {
		t.Errorf("in reverse: %q", got)
	}
	if got := lines("job"); len(got) != 3 || got[2] != "job stdout 25" { // it does not run
		t.Errorf("of a task that has ended: %q", got)
	}
	var entry map[string]any
	if err := json.Unmarshal([]byte(lines("web", "-n1", "-o", "json")[0]), &entry); err != nil ||
		entry["MESSAGE"] != "web stderr 22" || entry["TASK_NAME"] != "web" || entry["__CURSOR"] == "" {
		t.Errorf("%v: %v", err, entry)
	}
	if got := lines("web", "-n1", "-o", "export"); !strings.HasPrefix(got[0], "__CURSOR=") {
		t.Errorf("export: %q", got)
	}
	if _, errs := ask(t, 1, "task", "log", "nobody"); !strings.Contains(errs, "'daytwo task list'") {
		t.Error(errs)
	}
	ask(t, 2, "task", "log", "web", "core")
	ask(t, 2, "task", "log")
	ask(t, 2, "task", "log", "web", "--lines", "-1")
	ask(t, 2, "task", "log", "web", "-f", "-r")
	ask(t, 2, "task", "log", "web", "--since", "whenever")
	ask(t, 2, "task", "log", "web", "-g", "(")
	ask(t, 2, "task", "log", "web", "-o", "table")
}

// Several tasks have a header each.
func TestLogOfTasks(t *testing.T) {
	s := serveLogs(t)
	addLines(s, "0123456789abcdef", "web", "STDOUT", 1, 2)
	addLines(s, "fedcba9876543210", "db", "STDOUT", 3, 3)
	o := logOptions{fs: pflag.NewFlagSet("", pflag.ContinueOnError), out: &output{format: "cat"}, lines: 10}
	queries, several := o.ofTasks("*", []v1.Container{{AgentID: "agent-1", ContainerID: "0123456789abcdef"},
		{AgentID: "agent-1", ContainerID: "fedcba9876543210"}})
	if len(queries) != 2 || !several {
		t.Fatalf("%v, %v", queries, several)
	}
	if queries, _ := o.ofTasks("web", []v1.Container{{Name: "web-1", ContainerID: "x"},
		{Name: "web", ContainerID: "y"}}); len(
		queries) != 1 || queries[0].Get("container") != "y" {
		t.Errorf("an exact name: %v", queries)
	}
	o.follow = true
	for _, c := range []struct{ name, task, container string }{
		{"w*", "w*", ""}, {"*", "*", ""}, {"web", "", "x"}, {"x*", "", "x"},
	} {
		queries, _ := o.ofTasks(c.name, []v1.Container{{TaskName: "web", TaskID: "t", ContainerID: "x"}})
		if q := queries[0]; len(queries) != 1 || q.Get("task") != c.task || q.Get("container") != c.container {
			t.Errorf("following %q: %v", c.name, queries)
		}
	}
	o.follow = false
	cmd := &cobra.Command{}
	var out strings.Builder
	cmd.SetOut(&out)
	cmd.SetContext(t.Context())
	cl, err := connectionFlags(pflag.NewFlagSet("", pflag.ContinueOnError)).client()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.print(cmd, cl, true, queries...); err != nil {
		t.Fatal(err)
	}
	if want := "===> web 0123456789ab <===\nweb stdout 1\nweb stdout 2\n\n===> db fedcba987654 <===\ndb stdout " +
		"3\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestNodeLog(t *testing.T) {
	s := serveLogs(t)
	addLines(s, "c", "web", "STDOUT", 1, 3)
	addLines(s, "d", "db", "STDERR", 4, 5)
	check := func(want int, args ...string) {
		t.Helper()
		out, _ := ask(t, 0, args...)
		if got := strings.Count(out, "\n"); got != want {
			t.Errorf("%q: %d lines, want %d:\n%s", args, got, want, out)
		}
	}
	check(5, "node", "log", "alpha")
	check(3, "node", "log", "agent-1", "-u", "web.service")
	check(2, "node", "log", "alpha", "--component", "db.service", "--filter", "stream:STDERR")
	check(1, "node", "log", "alpha", "NUMBER=4")
	check(2, "log", "NUMBER=4", "NUMBER=1")
	check(2, "log", "--agent", "alpha", "-g", "DB|nothing", "--container", "d", "-g", "db")
	check(3, "log", "--since", "@1767323047", "--until", "@1767323049")
	if _, errs := ask(t, 1, "node", "log", "beta"); !strings.Contains(errs, "no node") {
		t.Error(errs)
	}
	if _, errs := ask(t, 1, "log", "NUMBER=99"); !strings.Contains(errs, "no log entries match") {
		t.Error(errs)
	}
	check(3, "log", "NUMBER=4", "PRIORITY=6", "+", "NUMBER=5", "+", "NUMBER=1", "NUMBER=9", "+", "NUMBER=1")
	check(0, "log", "-n", "0")
	check(5, "log", "-b", "0")
	check(1, "log", "-b", "-n", "1")
	check(2, "node", "log", "alpha", "--boot", "1", "-n2")
	check(5, "log", "-b", "b0070000000000000000000000000000")
	for _, args := range [][]string{{"-b", "-1"}, {"-b", "+7"}, {"NUMBER=99", "-o", "export"}} {
		if _, errs := ask(t, 1, append([]string{"log"}, args...)...); !strings.Contains(errs, "no log entries match") {
			t.Errorf("%q: %s", args, errs)
		}
	}
	ask(t, 2, "log", "--filter", "x")
}

// With --completed a part of a name is enough for tasks that have ended, too, and each has
// lines of its own.
func TestLogOfCompletedTasks(t *testing.T) {
	s := serveLogs(t)
	addLines(s, "0123456789abcdef", "web", "STDOUT", 1, 3)
	addLines(s, "cafe", "old-web-1", "STDOUT", 4, 6)
	addLines(s, "beef", "old-web-2", "STDOUT", 7, 9)
	addLines(s, "d", "db", "STDOUT", 10, 10)
	out, _ := ask(t, 0, "task", "log", "web", "-n", "2")
	if out != "web stdout 2\nweb stdout 3\n" {
		t.Errorf("without it: %q", out)
	}
	out, _ = ask(t, 0, "task", "log", "web", "-n", "2", "--completed")
	want := "===> web 0123456789ab <===\nweb stdout 2\nweb stdout 3\n\n" +
		"===> old-web-2 beef <===\nold-web-2 stdout 8\nold-web-2 stdout 9\n\n===> old-web-1 cafe <===\nold-web-1 stdout " +
		"5\nold-web-1 stdout 6\n"
	if out != want {
		t.Errorf("%q, want %q", out, want)
	}
	if out, _ = ask(t, 0, "task", "log", "old-*-1", "--completed", "-n1"); out != "old-web-1 stdout 6\n" {
		t.Errorf("a pattern: %q", out)
	}
	if _, errs := ask(t, 1, "task", "log", "nobody", "--completed"); !strings.Contains(errs, "'daytwo task list'") {
		t.Error(errs)
	}
}

// What a task wrote comes without anything between, and what is missing of it is said on
// standard error. Other formats mark it in its place. That it has ended is a notice.
func TestLogEvents(t *testing.T) {
	s := serveLogs(t)
	const id = "0123456789abcdef"
	addLines(s, id, "web", "STDOUT", 1, 1)
	s.Event(entry.Event{Kind: entry.Vacuumed, Agent: "agent-1", Count: 3, Message: "3 entries are gone"})
	addLines(s, id, "web", "STDOUT", 2, 2)
	s.Event(entry.Event{Kind: entry.Ended, Agent: "agent-1", Message: "web has ended"})
	const gap, end = "-- 3 entries are gone --\n", "-- web has ended --\n"
	for _, c := range []struct {
		format, stdout, stderr string // of stdout, all lines in which the word "web" or "gone" is
	}{
		{"cat", "web stdout 1\nweb stdout 2\n", gap + end},
		{"short", "web stdout 1\n" + gap + "web stdout 2\n", end},
		{"json", "web stdout 1\n{\"agent_id\"" + "web stdout 2\n", end},
	} {
		for _, command := range [][]string{{"task", "log", "web"}, {"log"}, {"node", "log", "alpha"}} {
			out, errs := ask(t, 0, append(command, "--all", "-o", c.format)...)
			if errs != c.stderr {
				t.Errorf("%q -o %s: stderr %q, want %q", command, c.format, errs, c.stderr)
			}
			var got strings.Builder
			for line := range strings.Lines(out) {
				switch {
				case c.format == "json" && strings.Contains(line, `"event":"vacuumed"`):
					got.WriteString(line[:len(`{"agent_id"`)])
				case c.format == "json":
					var e struct{ MESSAGE string }
					if err := json.Unmarshal([]byte(line), &e); err != nil {
						t.Error(err)
					}
					got.WriteString(e.MESSAGE + "\n")
				default:
					got.WriteString(line[max(strings.Index(line, "web stdout"), 0):])
				}
			}
			if got.String() != c.stdout {
				t.Errorf("%q -o %s: %q, want %q in\n%s", command, c.format, got.String(), c.stdout, out)
			}
		}
	}
}
