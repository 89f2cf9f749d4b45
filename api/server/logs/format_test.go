package logs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
)

func sample() *entry.Entry {
	e := &entry.Entry{
		Cursor: "s=1;i=2", Realtime: start, Monotonic: 55, Boot: [16]byte{0xab},
		Fields: []entry.Field{
			{Name: "MESSAGE", Value: []byte("two\nlines \x1b[1m \"é\"\r")}, {Name: "TAG", Value: []byte("a")},
			{Name: "_HOSTNAME", Value: []byte("h")}, {Name: "TAG", Value: []byte{0xff, 0}},
			{Name: "SYSLOG_IDENTIFIER", Value: []byte("cron")}, {Name: "_PID", Value: []byte("12")},
			{Name: "TAG", Value: nil},
		},
	}
	e.Origin.SetTag("agent_id", "a1")
	e.Origin.SetTag("task_name", "web")
	return e
}

func TestFormats(t *testing.T) {
	object := `{"agent_id":"a1","tags":{"task_name":"web"},"cursor":"s=1;i=2","realtime_timestamp":1760000000000000,` +
		`"monotonic_timestamp":55,"boot_id":"ab000000000000000000000000000000","fields":{` +
		`"MESSAGE":"two\nlines \u001b[1m \"é\"\r","TAG":["a",{"base64":"/wA="},""],"_HOSTNAME":"h",` +
		`"SYSLOG_IDENTIFIER":"cron","_PID":"12"}}`
	stamp := time.UnixMicro(start).Format("Jan 02 15:04:05")
	for _, c := range []struct {
		enc  encoder
		want string
	}{
		{new(jsonEncoder), object + "\n"},
		{new(sseEncoder), "id: s=1;i=2\ndata: " + object + "\n\n"},
		{newTextEncoder(true), stamp + " h/web cron[12]: two\n" +
			strings.Repeat(" ", len(stamp)+len(" h/web cron[12]: ")) + `lines \x1b[1m "é"\x0d` + "\n"},
		{newTextEncoder(false), stamp + " h cron[12]: two\n" +
			strings.Repeat(" ", len(stamp)+len(" h cron[12]: ")) + `lines \x1b[1m "é"\x0d` + "\n"},
		{exportEncoder{}, "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1760000000000000\n__MONOTONIC_TIMESTAMP=55\n" +
			"_BOOT_ID=ab000000000000000000000000000000\nMESSAGE\n\x14\x00\x00\x00\x00\x00\x00\x00two\nlines \x1b[1m \"é\"\r\n" +
			"TAG=a\n_HOSTNAME=h\nTAG\n\x02\x00\x00\x00\x00\x00\x00\x00\xff\x00\nSYSLOG_IDENTIFIER=cron\n_PID=12\nTAG=\n" +
			"DAYTWO_AGENT_ID=a1\nDAYTWO_TASK_NAME=web\n\n"},
	} {
		if got := string(c.enc.entry(nil, sample())); got != c.want {
			t.Errorf("%T:\n%q, want\n%q", c.enc, got, c.want)
		}
	}
}

// An entry of 4,000 fields, of which some occur more than once.
func TestManyFields(t *testing.T) {
	e := &entry.Entry{Realtime: start, Monotonic: entry.NoMonotonic}
	want := map[string]any{}
	for i := range 4000 {
		name := "F" + strings.Repeat("X", i%1000/50) + string(rune('A'+i%25))
		e.Fields = append(e.Fields, entry.Field{Name: name, Value: []byte{'a' + byte(i%26)}})
		v := string(rune('a' + i%26))
		switch had := want[name].(type) {
		case nil:
			want[name] = v
		case string:
			want[name] = []any{had, v}
		case []any:
			want[name] = append(had, v)
		}
	}
	var got struct{ Fields map[string]any }
	enc := new(jsonEncoder)
	for range 2 {
		if err := json.Unmarshal(enc.entry(nil, e), &got); err != nil || !reflect.DeepEqual(got.Fields, want) {
			t.Errorf("%v, %v", got, err)
		}
	}
}

// Any values become JSON that decodes to the same bytes, and text without control
// characters.
func FuzzEntry(f *testing.F) {
	f.Add("MESSAGE", []byte("plain"), "TAG", []byte{0xff, 0xfe}, "c")
	f.Add("MESSAGE", []byte("\x00\x1b\x7f\u2028\r"), "MESSAGE", []byte("é\xc3"), "s=\"\n")
	f.Fuzz(func(t *testing.T, name1 string, v1 []byte, name2 string, v2 []byte, cursor string) {
		fields := []entry.Field{{Name: name1, Value: v1}, {Name: name2, Value: v2}}
		e := &entry.Entry{Cursor: cursor, Realtime: start, Fields: fields}
		e.Origin.SetTag("task_name", cursor)
		out := new(jsonEncoder).entry(nil, e)
		if bytes.IndexByte(out, '\n') != len(out)-1 || !utf8.Valid(out) {
			t.Fatalf("not one line of UTF-8: %q", out)
		}
		var got struct {
			Cursor string
			Fields map[string]any
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		values := []any{got.Fields[strings.ToValidUTF8(name1, "\uFFFD")], got.Fields[strings.ToValidUTF8(name2, "\uFFFD")]}
		if name1 == name2 {
			values = values[0].([]any)
		}
		for i, want := range [][]byte{v1, v2} {
			if utf8.ValidString(name1) && utf8.ValidString(name2) && !bytes.Equal(decodeValue(t, values[i]), want) {
				t.Fatalf("%q became %v", want, values[i])
			}
		}
		if utf8.ValidString(cursor) && got.Cursor != cursor {
			t.Fatalf("cursor %q", got.Cursor)
		}
		for _, c := range string(appendEscaped(nil, v1, 0)) {
			if c < ' ' && c != '\t' || c >= 0x7f && c <= 0x9f || c == utf8.RuneError && !bytes.Contains(v1, []byte("\uFFFD")) {
				t.Fatalf("text with %q", c)
			}
		}
		if plain(v1) && bytes.ContainsAny(v1, "\n\x00") {
			t.Fatalf("%q is not plain", v1)
		}
	})
}

func decodeValue(t *testing.T, v any) []byte {
	switch v := v.(type) {
	case string:
		return []byte(v)
	case map[string]any:
		b, err := base64.StdEncoding.DecodeString(v["base64"].(string))
		if err != nil || utf8.Valid(b) {
			t.Fatalf("%v: %v", v, err)
		}
		return b
	}
	t.Fatalf("%v", v)
	return nil
}
