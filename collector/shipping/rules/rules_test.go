package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/entry"
)

// parse reads a document that is valid.
func parse(t testing.TB, text string) *Rules {
	t.Helper()
	r, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// line returns an entry with fields, given as NAME=value, and origin tags as name:value.
func line(fields ...string) *entry.Entry {
	e := &entry.Entry{Cursor: "c", Realtime: 1e15}
	for _, f := range fields {
		if name, value, ok := strings.Cut(f, "="); ok {
			e.Fields = append(e.Fields, entry.Field{Name: name, Value: []byte(value)})
		} else if name, value, ok := strings.Cut(f, ":"); ok && !e.Origin.SetTag(name, value) {
			panic(f)
		}
	}
	return e
}

func TestFilter(t *testing.T) {
	nginx := line("_SYSTEMD_UNIT=nginx.service", "PRIORITY=6", "MESSAGE=GET /")
	web := line("MESSAGE=hello", "container_id:4f2c", "task_name:web", "CONTAINER_NAME=web-1")
	for _, c := range []struct {
		name, rules string
		e           *entry.Entry
		want        Verdict
	}{
		{"no rules", "", nginx, Ship},
		{"unit", "filter: [drop: {unit: nginx.service}]", nginx, Filtered},
		{"unit's glob", "filter: [drop: {unit: 'ngin?.*'}]", nginx, Filtered},
		{"one of two", "filter: [drop: {unit: [x, nginx*]}]", nginx, Filtered},
		{"another unit", "filter: [drop: {unit: nginx}]", nginx, Ship},
		{"no unit matches no glob", "filter: [drop: {unit: '*'}]", web, Ship},
		{"unit that PID 1 writes of", "filter: [drop: {unit: a.service}]",
			line("_SYSTEMD_UNIT=init.scope", "UNIT=a.service"), Filtered},
		{"a user's unit", "filter: [drop: {unit: pipewire.service}]",
			line("_SYSTEMD_UNIT=user@1.service", "_SYSTEMD_USER_UNIT=pipewire.service"), Filtered},
		{"the first rule counts", "filter: [keep: {unit: nginx*}, drop: {}]", nginx, Ship},
		{"everything else", "filter: [keep: {unit: x*}, drop: {}]", nginx, Filtered},
		{"both conditions", "filter: [drop: {unit: nginx*, priority: err}]", nginx, Ship},
		{"priority and above", "filter: [drop: {priority: info}]", nginx, Filtered},
		{"a range", "filter: [drop: {priority: info..debug}]", nginx, Filtered},
		{"a range backwards", "filter: [drop: {priority: 7..5}]", nginx, Filtered},
		{"no priority is info", "filter: [drop: {priority: info..info}]", web, Filtered},
		{"container's name", "filter: [drop: {container: web-*}]", web, Filtered},
		{"container's id", "filter: [drop: {container: 4f*}]", web, Filtered},
		{"task", "filter: [drop: {container: web}]", web, Filtered},
		{"tag", "filter: [drop: {tags: {task_name: w*}}]", web, Filtered},
		{"unknown tag of the entry", "filter: [drop: {tags: {task_id: '*'}}]", web, Ship},
		{"field", "filter: [drop: {match: {MESSAGE: hel*}}]", web, Filtered},
		{"missing field", "filter: [drop: {match: {X: '*'}}]", web, Ship},
		{"second value of a field", "filter: [drop: {match: {X: b}}]", line("X=a", "X=b"), Filtered},
		{"grep", "filter: [drop: {grep: '^GET'}]", nginx, Filtered},
		{"exclude", "filter: [drop: {unit: '*', exclude: {grep: GET}}]", nginx, Ship},
		{"identifier", "filter: [drop: {identifier: cron}]", line("SYSLOG_IDENTIFIER=cron"), Filtered},
		{"program", "filter: [drop: {identifier: cron}]", line("_COMM=cron"), Filtered},
	} {
		if _, got := NewFilter(parse(t, c.rules)).Admit(c.e); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a: [":                                        "line 1",
		"- x":                                         "line 1: write a mapping of filter, join",
		"filter:\n- drop: {}\n- skip: {}":             `line 3: unknown key "skip": use keep, drop`,
		"filter:\n- drop: {}\n  keep: {}":             "line 2: write one of keep and drop",
		"\nfilter:\n- drop: {unit: {}}":               "line 3: write text, or a list of texts",
		"filter:\n- drop:\n    unit: []":              "line 3: the list is empty",
		"filter:\n- drop:\n    tags: {image: x}":      `unknown tag "image": use agent_id, container_id`,
		"filter:\n- drop:\n    priority: loud":        `line 3: priority "loud": write one of emerg`,
		"filter:\n- drop:\n    grep: '('":             "line 3: error parsing regexp",
		"filter:":                                     "line 1: filter has no value",
		"filter: x":                                   "line 1: filter: write a list, not `x`",
		"filter: []\nfilter: []":                      `line 2: the key "filter" appears twice`,
		"join:\n- start: x\n  continue: y":            "line 2: write one of start and continue",
		"join:\n- start: x\n  max_lines: 1":           "line 2: max_lines: 1 is not between 2",
		"join:\n- start: x\n  max_lines: many":        "line 3: max_lines: write a whole number, not `many`",
		"join:\n- start: x\n  max_bytes: 9 elephants": `line 3: "9 elephants" is not a size`,
		"join:\n- start: x\n  max_bytes: 5MiB":        "give at most 4MiB",
		"join:\n- start: x\n  idle: 3":                `line 3: "3" is not a duration`,
		"join:\n- start: x\n  idle: 2m":               "give at most 1m",
		"sample: [one_in: 1]":                         "line 1: one_in: give a whole number from 2",
		"rate: [burst: 3]":                            "line 1: rate: give per_second",
		"rate: [per_second: fast]":                    "line 1: per_second: write a number, not `fast`",
		"redact: [{}]":                                "line 1: write one of pattern and known",
		"redact: [pattern: 'a*']":                     "matches the empty text",
		"redact: [known: [email, shoe_size]]":         `there is no "shoe_size": use aws_key, basic_auth, bearer_token`,
		"fields: {}":                                  "line 1: fields: write keep or drop",
		"x: " + strings.Repeat("y", MaxBytes):         "larger than",
		"filter: [" + strings.Repeat("{drop: {}},", maxRules) + "{drop: {}}]": "give at most 1000",
	} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

func TestSample(t *testing.T) {
	f := NewFilter(parse(t, "sample: [{select: {priority: debug..debug}, one_in: 10}]"))
	count := func(n int, e *entry.Entry) (shipped int) {
		for range n {
			if _, v, _ := f.Finish(e); v == Ship {
				shipped++
			} else if v != SampledOut {
				t.Fatal(v)
			}
		}
		return shipped
	}
	a, b := line("PRIORITY=7", "_SYSTEMD_UNIT=a"), line("PRIORITY=7", "_SYSTEMD_UNIT=b")
	if n := count(1, a) + count(1, b); n != 2 {
		t.Errorf("%d of the first entries of two sources", n)
	}
	if n := count(99, a); n != 9 {
		t.Errorf("%d of 99 more", n)
	}
	if n := count(50, line("PRIORITY=6")); n != 50 {
		t.Errorf("%d of 50 that no rule selects", n)
	}
}

func TestRate(t *testing.T) {
	f := NewFilter(parse(t, "rate: [{select: {container: '*'}, per_second: 100, burst: 20}]"))
	at := int64(1e15)
	ship := func(id string, n int, step int64) (shipped int) {
		for range n {
			e := line("container_id:" + id)
			e.Realtime = at
			at += step
			if _, v, _ := f.Finish(e); v == Ship {
				shipped++
			}
		}
		return shipped
	}
	if n := ship("a", 50, 0); n != 20 {
		t.Errorf("%d of a burst of 50", n)
	}
	if n := ship("b", 15, 0); n != 15 {
		t.Errorf("%d of another container", n)
	}
	if n := ship("a", 1000, 1000); n < 98 || n > 101 {
		t.Errorf("%d in a second", n)
	}
	at -= 3600e6 // the clock is set back
	if n := ship("a", 1000, 10_000); n < 999 {
		t.Errorf("%d of 1000 at the rate that is allowed", n)
	}
	dropped := map[string]uint64{}
	f.Drops(func(source string, n uint64) { dropped[source] += n })
	if dropped["a"] < 900 || dropped["b"] != 0 || len(dropped) != 1 {
		t.Error(dropped)
	}
	f.Drops(func(string, uint64) { t.Error("told twice") })
	if f.Drops(nil); len(f.rate[0].of) != 0 {
		t.Errorf("%d sources are remembered", len(f.rate[0].of))
	}
}

// More sources than are told apart share one limit, and memory stays bounded.
func TestManySources(t *testing.T) {
	f := NewFilter(parse(t, "rate: [{per_second: 1, burst: 1}]"))
	shipped := 0
	for i := range 2 * maxSources {
		if _, v, _ := f.Finish(line("container_id:" + strings.Repeat("x", i%97) + string(rune('a'+i%26)) +
			strings.Repeat("y", i/97))); v == Ship {
			shipped++
		}
	}
	if shipped > maxSources+1 || len(f.rate[0].of) > maxSources+1 {
		t.Errorf("%d shipped, %d sources", shipped, len(f.rate[0].of))
	}
	f.Drops(func(source string, n uint64) {
		if source != otherSources || n != uint64(2*maxSources-shipped) {
			t.Errorf("%s: %d", source, n)
		}
	})
}

func TestFields(t *testing.T) {
	names := func(rules string) (s string) {
		e := line("MESSAGE=m", "PRIORITY=6", "_PID=1", "_AUDIT_ID=2", "_AUDIT_SESSION=3")
		out, _, _ := NewFilter(parse(t, rules)).Finish(e)
		for _, f := range out.Fields {
			s += f.Name + " "
		}
		if out.Cursor != "c" || out.Realtime != e.Realtime || len(e.Fields) != 5 {
			t.Errorf("%+v of %+v", out, e)
		}
		return s
	}
	for rules, want := range map[string]string{
		"":                              "MESSAGE PRIORITY _PID _AUDIT_ID _AUDIT_SESSION ",
		"fields: {drop: _AUDIT_*}":      "MESSAGE PRIORITY _PID ",
		"fields: {keep: [PRIORITY]}":    "MESSAGE PRIORITY ",
		"fields: {drop: '*'}":           "MESSAGE ",
		"fields: {keep: _*, drop: _P*}": "MESSAGE _AUDIT_ID _AUDIT_SESSION ",
	} {
		if got := names(rules); got != want {
			t.Errorf("%s: %s", rules, got)
		}
	}
}

func TestJoining(t *testing.T) {
	f := NewFilter(parse(t, `join:
- {select: {unit: java.service}, start: '^\d{4}-'}
- {select: {unit: py*}, continue: '^\s', max_lines: 7, max_bytes: 1KiB, idle: 5s}`))
	check := func(unit, text string, joins, begins bool) {
		t.Helper()
		facts, _ := f.Admit(line("_SYSTEMD_UNIT="+unit, "MESSAGE="+text))
		j, ok := f.Joining(facts)
		if ok != joins || ok && j.Begins([]byte(text)) != begins {
			t.Errorf("%s %q: %v", unit, text, ok)
		}
	}
	check("java.service", "2024-01-01 x", true, true)
	check("java.service", "  at x", true, false)
	check("python", "Traceback", true, true)
	check("python", "  File", true, false)
	check("sh", "x", false, false)
	facts, _ := f.Admit(line("_SYSTEMD_UNIT=py"))
	if _, ok := f.Joining(facts); ok {
		t.Error("an entry without a message is joined")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("filter: [drop: {unit: nginx.service, exclude: {priority: err}}]"))
	f.Add([]byte("redact: [{known: [email, credit_card], fields: '*'}, {pattern: 'a(b)', replace: '${1}'}]"))
	f.Add([]byte("join: [{start: x}]\nsample: [{one_in: 3}]\nrate: [{per_second: 3}]\nfields: {keep: x}"))
	e := line("MESSAGE=a@b.cd ab 4111 1111 1111 1111", "_SYSTEMD_UNIT=nginx.service", "task_name:web")
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		filter := NewFilter(r)
		facts, _ := filter.Admit(e)
		filter.Joining(facts)
		if out, v, _ := filter.Finish(e); (out == nil) != (v != Ship) {
			t.Fatal(v)
		}
	})
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(path, []byte("filter: [drop: {unit: x}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := Load(path); err != nil || len(r.Filter) != 1 {
		t.Errorf("%+v %v", r, err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("filter: x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		path: path + ": line 1: filter: write a list", fifo: "not a regular file", dir: "not a regular file",
		dir + "/none": "no such file",
	} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}
