package logpipe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lines runs text through a pipe, and returns the entries.
func lines(t *testing.T, o Options, stdout, stderr string) ([]map[string]string, Stats) {
	t.Helper()
	r := newReceiver(t)
	o.Socket = r.path
	p := run(t, o)
	for i, text := range []string{stdout, stderr} {
		go func() {
			p.in[i].WriteString(text)
			p.in[i].Close()
		}()
	}
	<-p.ended
	stats := p.end()
	return r.wait(int(stats.Entries)), stats
}

// Entries have the fields of the task, its stream and its priority.
func TestFields(t *testing.T) {
	fields := []Field{{"SYSLOG_IDENTIFIER", "web"}, {"CONTAINER_ID", "parent.child"}, {"NOTE", "two\nlines"}}
	got, _ := lines(t, Options{Fields: fields}, "out\n", "err\n")
	slices.SortFunc(got, func(a, b map[string]string) int { return strings.Compare(b["STREAM"], a["STREAM"]) })
	common := map[string]string{"SYSLOG_IDENTIFIER": "web", "CONTAINER_ID": "parent.child", "NOTE": "two\nlines"}
	want := []map[string]string{{"STREAM": "STDOUT", "PRIORITY": "6", "MESSAGE": "out"},
		{"STREAM": "STDERR", "PRIORITY": "3", "MESSAGE": "err"}}
	for _, w := range want {
		maps.Copy(w, common)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// messages returns what one field of the entries says.
func messages(entries []map[string]string, fields ...string) (all []string) {
	for _, e := range entries {
		var one []string
		for _, f := range fields {
			one = append(one, e[f])
		}
		all = append(all, strings.Join(one, "|"))
	}
	return all
}

// Each line is one entry, with all of its bytes.
func TestLines(t *testing.T) {
	check := func(o Options, text string, want ...string) {
		t.Helper()
		got, stats := lines(t, o, text, "")
		if d := cmp.Diff(want, messages(got, "MESSAGE")); d != "" {
			t.Errorf("%.80q: %s", text, d)
		}
		if int(stats.Lines) != len(want) || int(stats.Bytes) != len(text) || stats.Lost() {
			t.Errorf("%.80q: %+v", text, stats)
		}
	}
	check(Options{}, "a\n\n\nb\n", "a", "", "", "b") // blank lines are kept
	check(Options{}, "a\nlast", "a", "last")
	check(Options{}, "")
	odd := "\x1b[31mred\x07\x00inner\xff\xfe ü€😀 \t=x"
	check(Options{}, odd+"\n", odd)
	check(Options{}, "crlf\r\n\r\nx\r\r\n", "crlf\r", "\r", "x\r\r")
	check(Options{StripCR: true}, "crlf\r\n\r\nx\r\r\na\rb\n", "crlf", "", "x\r", "a\rb")
	check(Options{}, "<3>x\n", "<3>x")
	var long []string
	for _, n := range []int{4095, 4096, 5000, 48 << 10, 48<<10 + 1,
		batchMax - 100, batchMax, 64<<10 + 1, 1 << 20, 5 << 20} {
		long = append(long, strings.Repeat("ä", n/2)+strings.Repeat("x", n%2))
	}
	check(Options{}, strings.Join(long, "\n")+"\n", long...)
}

// A line that does not end where the task ended it is marked.
func TestUnfinished(t *testing.T) {
	got, _ := lines(t, Options{}, "a\nlast", "")
	if d := cmp.Diff([]string{"a|", "last|eof"}, messages(got, "MESSAGE", "LINE_BREAK")); d != "" {
		t.Error(d)
	}
}

// With LevelPrefix, a line may begin with its priority.
func TestLevelPrefix(t *testing.T) {
	long := strings.Repeat("x", 1500)
	got, _ := lines(t, Options{LevelPrefix: true, LineMax: MinLineMax},
		"<3>error\nplain\n<7>\n<8>x\n<x>\n<1\n<4>"+long+"\nafter\n", "")
	want := []string{"3|error", "6|plain", "7|", "6|<8>x", "6|<x>", "6|<1",
		"4|" + long[:MinLineMax-3], "4|" + long[MinLineMax-3:], "6|after"}
	if d := cmp.Diff(want, messages(got, "PRIORITY", "MESSAGE")); d != "" {
		t.Error(d)
	}
}

// A line longer than LineMax is written in pieces, which are marked as Docker marks
// them, and cut between characters.
func TestPieces(t *testing.T) {
	line := strings.Repeat("x", MinLineMax-1) + strings.Repeat("é", MinLineMax)
	got, stats := lines(t, Options{LineMax: MinLineMax}, line+"\nnext\n", "")
	var all []string
	for i, e := range got[:len(got)-1] {
		all = append(all, e["MESSAGE"])
		last := i == len(got)-2
		want := map[string]string{"PRIORITY": "6", "STREAM": "STDOUT", "CONTAINER_PARTIAL_ID": got[0]["CONTAINER_PARTIAL_ID"],
			"CONTAINER_PARTIAL_ORDINAL": fmt.Sprint(i + 1), "CONTAINER_PARTIAL_LAST": fmt.Sprint(last), "MESSAGE": e["MESSAGE"]}
		if !last {
			want["CONTAINER_PARTIAL_MESSAGE"], want["LINE_BREAK"] = "true", "line-max"
		}
		if d := cmp.Diff(want, e); d != "" {
			t.Error(d)
		}
		if len(e["MESSAGE"]) > MinLineMax || strings.ToValidUTF8(e["MESSAGE"], "") != e["MESSAGE"] {
			t.Errorf("piece %d has %d bytes: %q", i, len(e["MESSAGE"]), e["MESSAGE"])
		}
	}
	if strings.Join(all, "") != line || got[0]["CONTAINER_PARTIAL_ID"] == "" {
		t.Errorf("%q", all)
	}
	if last := got[len(got)-1]; last["MESSAGE"] != "next" || last["CONTAINER_PARTIAL_ID"] != "" {
		t.Errorf("%q", last)
	}
	if stats.Lines != 2 || stats.Cut != 1 || int(stats.Entries) != len(got) {
		t.Errorf("%+v", stats)
	}
}

// What a task has printed of a line is written after PartialAfter, and the rest follows
// as another piece. A character is not cut in two.
func TestPartialAfter(t *testing.T) {
	r := newReceiver(t)
	p := run(t, Options{Socket: r.path, PartialAfter: 20 * time.Millisecond})
	p.write(0, "whole\nname: \xc3")
	r.wait(2)
	p.write(0, "\xa4")
	r.wait(3)
	p.write(0, "\nnext\n")
	r.wait(5)
	p.write(1, "more")
	r.wait(6)
	stats := p.end()
	got := messages(r.wait(7), "MESSAGE", "LINE_BREAK", "CONTAINER_PARTIAL_ORDINAL", "CONTAINER_PARTIAL_LAST")
	want := []string{"whole|||", "name: |idle|1|false", "ä|idle|2|false", "||3|true",
		"next|||", "more|idle|1|false", "|eof|2|true"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if stats.Lines != 4 || stats.Unfinished != 3 {
		t.Errorf("%+v", stats)
	}
}

// Invalid options are errors, and so is a missing journald.
func TestOptions(t *testing.T) {
	r := newReceiver(t)
	check := func(want string, o Options) {
		t.Helper()
		_, err := Run(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
	in := []Source{{FD: 0, Stream: "STDOUT", Priority: 6, Tee: -1}}
	check("nothing to read", Options{Socket: r.path})
	check("no such file", Options{Sources: in, Socket: r.path + "x"})
	check("longest line", Options{Sources: in, Socket: r.path, LineMax: 10})
	check("buffer", Options{Sources: in, Socket: r.path, Buffer: 10})
	check("twice", Options{Sources: in, Socket: r.path, Fields: []Field{{"A", ""}, {"A", ""}}})
	check("10240", Options{Sources: in, Socket: r.path, Fields: []Field{{"A", strings.Repeat("x", MaxFields)}}})
	check("priority", Options{Sources: []Source{{Priority: 8}}, Socket: r.path})
}

// Names of labels become names of fields.
func TestFieldName(t *testing.T) {
	check := func(label, want, problem string) {
		t.Helper()
		got, err := FieldName(label)
		ok := err == nil && got == want
		if problem != "" {
			ok = err != nil && strings.Contains(err.Error(), problem)
		}
		if !ok {
			t.Errorf("%q: %q, %v", label, got, err)
		}
	}
	check("task_name", "TASK_NAME", "")
	check("com.example/Größe", "COM_EXAMPLE_GR__E", "")
	check("__hidden", "HIDDEN", "")
	check("", "", "needs a name")
	check("__", "", "needs a name")
	check("1st", "", "begin with a letter")
	check("message", "", "written for every line")
	check(strings.Repeat("a", 64), strings.Repeat("A", 64), "")
	check(strings.Repeat("a", 65), "", "65 bytes")
}
