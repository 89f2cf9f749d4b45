package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// The lines are those of journalctl.
func TestLinesAsJournalctl(t *testing.T) {
	const remote = "/lib/systemd/systemd-journal-remote"
	if _, err := os.Stat(remote); err != nil {
		rig.Missing(t, "systemd-journal-remote", err.Error(), "apt-get install systemd-journal-remote")
	}
	t.Setenv("TZ", "UTC")
	dir := t.TempDir()
	in, file := filepath.Join(dir, "in.export"), filepath.Join(dir, "test.journal")
	begin := time.Now().Add(-time.Hour).UnixMicro() // an old entry would begin a new file
	var export strings.Builder
	for i, fields := range [][]string{
		{"MESSAGE=hello", "SYSLOG_IDENTIFIER=web", "_PID=12", "_HOSTNAME=alpha", "PRIORITY=6", "_SYSTEMD_UNIT=web.service"},
		{"MESSAGE=no identifier", "_COMM=worker", "SYSLOG_PID=7", "_HOSTNAME=alpha"},
		{"MESSAGE=no program", "_HOSTNAME=beta", "_SYSTEMD_UNIT=a.service", "_SYSTEMD_USER_UNIT=b.service", "_PID=1"},
		{"MESSAGE=umlauts äöü and emoji 🎉", "SYSLOG_IDENTIFIER=web", "_HOSTNAME=beta"},
		{"MESSAGE\n\x07\x00\x00\x00\x00\x00\x00\x00one\ntwo", "SYSLOG_IDENTIFIER=web", "_HOSTNAME=beta", "_PID=99"},
	} {
		export.WriteString("__REALTIME_TIMESTAMP=" + strconv.FormatInt(begin+int64(i)*1_000_000, 10) +
			"\n__MONOTONIC_TIMESTAMP=" + strconv.Itoa(1000+i) + "\n_BOOT_ID=" + strings.Repeat("ab", 16) + "\n" +
			strings.Join(fields, "\n") + "\n\n")
	}
	if err := os.WriteFile(in, []byte(export.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(remote, "--split-mode=none", "-o", file, in).CombinedOutput(); err != nil {
		t.Fatalf("systemd-journal-remote: %v\n%s", err, out)
	}
	journalctl := func(format string) []byte {
		out, err := exec.Command("journalctl", "--no-pager", "-q", "--file", file, "-o", format).Output()
		if err != nil {
			t.Fatalf("journalctl -o %s: %v", format, err)
		}
		return out
	}
	var entries []*v1.LogEntry
	for line := range bytes.Lines(journalctl("json")) {
		e := &v1.LogEntry{}
		if err := json.Unmarshal(line, &e.Fields); err != nil {
			t.Fatal(err)
		}
		e.Realtime, _ = strconv.ParseInt(fieldText(e, "__REALTIME_TIMESTAMP"), 10, 64)
		entries = append(entries, e)
	}
	for _, format := range []string{"short", "short-iso", "short-precise", "with-unit", "cat"} {
		l := logLine{format: format}
		var got []byte
		for _, e := range entries {
			got = l.append(got, e)
		}
		want := string(journalctl(format))
		if format == "short-iso" { // systemd writes the colon since version 255
			want = strings.NewReplacer("+0000", "+00:00", "\n    ", "\n     ").Replace(want)
		}
		if string(got) != want {
			t.Errorf("-o %s:\n%swant\n%s", format, got, want)
		}
	}
}

func entryOf(t *testing.T, text string) *v1.LogEntry {
	t.Helper()
	var e v1.LogEntry
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

// L-A22: what is shown on a terminal cannot control it, and what is piped is as it was
// written.
func TestTerminalControl(t *testing.T) {
	for in, want := range map[string]string{
		"plain ä 🎉\t.":        "plain ä 🎉\t.",
		"\x1b[2Jgone":         "^[[2Jgone",
		"\x1b]0;title\x07":    "^[]0;title^G",
		"\x1b]52;c;ZXZpbA==a": "^[]52;c;ZXZpbA==a",
		"first\rsecond":       "first^Msecond",
		"dos\r":               "dos",
		"c1 \u009b2J":         `c1 \u009b2J`,
		"bad \xff\xfe":        `bad \xff\xfe`,
		"nul\x00del\x7f":      "nul^@del^?",
		"turn \u202e around":  `turn \u202e around`,
	} {
		e := &v1.LogEntry{Fields: map[string]any{"MESSAGE": in}}
		shown := logLine{format: "cat", terminal: true}
		if got := string(shown.append(nil, e)); got != want+"\n" {
			t.Errorf("%q on a terminal: %q, want %q", in, got, want)
		}
		piped := logLine{format: "cat"}
		if got := string(piped.append(nil, e)); got != in+"\n" {
			t.Errorf("%q piped: %q", in, got)
		}
	}
	e := entryOf(t, `{"realtime_timestamp":1,"fields":{"MESSAGE":"x","SYSLOG_IDENTIFIER":"a\u001b[2J","_HOSTNAME":"h"}}`)
	l := logLine{format: "short", terminal: true}
	if got := string(l.append(nil, e)); strings.Contains(got, "\x1b") {
		t.Errorf("an identifier controls the terminal: %q", got)
	}
}

// So can neither the names in headers nor the messages of events.
func TestTerminalControlOfNames(t *testing.T) {
	var out strings.Builder
	o := &logOptions{out: &output{format: "cat"}}
	p := &logPrinter{o: o, w: bufio.NewWriter(&out), notices: &out, heads: true,
		line: logLine{format: "cat", terminal: true}}
	for _, text := range []string{
		`{"realtime_timestamp":1,"tags":{"task_id":"web\u001b[2J","task_name":"web\u001b]0;x\u0007"},` +
			`"fields":{"MESSAGE":"x"}}`,
		`{"realtime_timestamp":2,"event":"gap","message":"5 entries of \u001b[31mred\u0007 are missing"}`,
	} {
		if err := p.entry(entryOf(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.w.Flush(); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\x07") || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("%q", out.String())
	}
}

func TestLineOfMoreLines(t *testing.T) {
	t.Setenv("TZ", "UTC")
	e := entryOf(t, `{"realtime_timestamp":1767323045123456,"agent_id":"0123456789abcdef","tags":{"task_name":"web"},
		"fields":{"MESSAGE":"one\ntwo","PRIORITY":"3"}}`)
	l := logLine{format: "short-iso"}
	at := "2026-01-02T03:04:05+00:00 0123456789ab web: "
	if got := string(l.append(nil, e)); !strings.HasSuffix(got, "one\n"+strings.Repeat(" ", len(at))+"two\n") {
		t.Errorf("%q", got)
	}
	l = logLine{format: "cat", color: true}
	if got := string(l.append(nil, e)); got != "\x1b[1;31mone\x1b[0m\n\x1b[1;31mtwo\x1b[0m\n" {
		t.Errorf("%q", got)
	}
	gap := entryOf(t, `{"event":"vacuumed","count":3,"message":"3 entries were deleted before they were read"}`)
	l = logLine{format: "cat"}
	if got := string(l.append(nil, gap)); got != "-- 3 entries were deleted before they were read --\n" {
		t.Errorf("%q", got)
	}
}

func TestFlatEntry(t *testing.T) {
	e := entryOf(t, `{"agent_id":"a","tags":{"task_id":"t","container_id":"trusted"},"cursor":"c","realtime_timestamp":5,
		"monotonic_timestamp":7,"boot_id":"b","fields":{"MESSAGE":{"base64":"/v8="},"TAG":["x",{"base64":"AA=="}],
		"CONTAINER_ID":"own"}}`)
	want := `{"AGENT_ID":"a","CONTAINER_ID":"own","MESSAGE":[254,255],"TAG":["x",[0]],"TASK_ID":"t","_BOOT_ID":"b",` +
		`"__CURSOR":"c","__MONOTONIC_TIMESTAMP":"7","__REALTIME_TIMESTAMP":"5"}` + "\n"
	if got := string(appendFlat(nil, e, false)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	pretty := appendFlat(nil, e, true)
	var back map[string]any
	if err := json.Unmarshal(pretty, &back); err != nil || bytes.Count(pretty, []byte("\n\t")) != 9 {
		t.Errorf("%v: %s", err, pretty)
	}
}
