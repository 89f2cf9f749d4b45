package sink_test

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

func decode(t testing.TB, r *sink.Record) map[string]any {
	t.Helper()
	var e sink.Encoder
	b := e.Append(nil, r)
	if strings.ContainsRune(string(b), '\n') || !utf8.Valid(b) {
		t.Fatalf("no line of JSON: %q", b)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return v
}

func TestDocument(t *testing.T) {
	r := testlog.Record(1, "hello", "CODE_LINE=12")
	got := decode(t, r)
	want := map[string]any{
		"@timestamp": r.Time().Format("2006-01-02T15:04:05.000000Z"), "message": "hello", "id": r.ID, "priority": 6.0,
		"level": "info", "host": "host-1", "agent_id": "node-1", "container_id": "0123456789ab", "task_name": "web-1",
		"unit": "web.service", "identifier": "web", "container": "web-1", "cursor": "s=c0ffee;i=1",
		"fields": map[string]any{"PRIORITY": "6", "_HOSTNAME": "host-1", "_SYSTEMD_UNIT": "web.service",
			"SYSLOG_IDENTIFIER": "web", "_PID": "42", "CODE_LINE": "12"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if _, err := time.Parse(time.RFC3339Nano, got["@timestamp"].(string)); err != nil {
		t.Error(err)
	}
	ev := decode(t, testlog.Event())
	if ev["event"] != "suppressed" || ev["count"] != 5.0 || ev["source"] != "web.service" || ev["level"] != "warning" {
		t.Errorf("event %v", ev)
	}
}

// L-A4: long fields arrive whole.
func TestLA4LongFields(t *testing.T) {
	for _, n := range []int{4095, 4096, 5000, 48 << 10, 64<<10 + 1, 1 << 20} {
		m := strings.Repeat("0123456789abcdef", n/16+1)[:n]
		if got := decode(t, testlog.Record(1, m)); got["message"] != m || got["cut"] != nil {
			t.Errorf("%d bytes: another message", n)
		}
	}
}

// L-A5: fields that are not plain text, or occur twice.
func TestLA5OddFields(t *testing.T) {
	for _, m := range []string{"cr\r", "esc \x1b[1m bell \a", "a\x00b", "ümlaut 😀", `"\]`} {
		if got := decode(t, testlog.Record(1, m)); got["message"] != m || got["message_base64"] != nil {
			t.Errorf("%q became %q, %v", m, got["message"], got["message_base64"])
		}
	}
	got := decode(t, testlog.Record(1, "a\xff\xfeb"))
	if got["message"] != "a\uFFFD\uFFFDb" ||
		got["message_base64"] != base64.StdEncoding.EncodeToString([]byte("a\xff\xfeb")) {
		t.Errorf("not UTF-8: %v", got)
	}
	got = decode(t, testlog.Record(1, "one", "TAG=a", "MESSAGE=two", "TAG=b\xff", strings.Repeat("N", 65)+"=v"))
	fields := got["fields"].(map[string]any)
	if !reflect.DeepEqual(got["message"], []any{"one", "two"}) ||
		!reflect.DeepEqual(fields["TAG"], []any{"a", "b\uFFFD"}) ||
		!reflect.DeepEqual(fields["TAG_base64"], []any{"YQ==", "Yv8="}) || fields[strings.Repeat("N", 65)] != "v" {
		t.Errorf("repeated: %v", got)
	}
}

func TestID(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range append(testlog.Records(0, 1000), testlog.Odd()...) {
		if len(r.ID) != 32 || seen[r.ID] {
			t.Fatalf("id %q", r.ID)
		}
		seen[r.ID] = true
	}
	e := testlog.Entry(1, "x")
	a, b := sink.New("a", entry.Record{Entry: e}), sink.New("a", entry.Record{Entry: e.Clone()})
	other := sink.New("b", entry.Record{Entry: e})
	if a.ID != b.ID || a.ID == other.ID {
		t.Errorf("ids %s, %s, of another agent %s", a.ID, b.ID, other.ID)
	}
}

func TestCut(t *testing.T) {
	r := testlog.Record(1, strings.Repeat("ä", 10_000), "OTHER="+strings.Repeat("z", 300))
	c, ok := r.CutTo(5000)
	if !ok || c.Size > 5000 || c.Cut != 20_000 || c.ID != r.ID || !utf8.Valid(c.Message()) ||
		c.Field("OTHER") != r.Field("OTHER") {
		t.Errorf("cut to %d bytes, of %d", c.Size, c.Cut)
	}
	if len(r.Message()) != 20_000 {
		t.Error("the original was cut, too")
	}
	if again, ok := c.CutTo(1000); !ok || again.Cut != 20_000 {
		t.Errorf("cut again: of %d", again.Cut)
	}
	if _, ok := testlog.Record(1, "short").CutTo(10); ok {
		t.Error("a record without a long field was cut")
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("A", []byte("text"), []byte("\xff\x00\x1b"))
	f.Add("MESSAGE", []byte(""), []byte("\u2028\""))
	f.Fuzz(func(t *testing.T, name string, a, b []byte) {
		e := &entry.Entry{Cursor: name, Fields: []entry.Field{{Name: name, Value: a}, {Name: "B", Value: b},
			{Name: name, Value: b}}}
		decode(t, sink.New("a", entry.Record{Entry: e}))
	})
}
