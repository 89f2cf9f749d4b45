package logfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	for _, s := range []string{
		"2024-01-02T03:04:05Z", "2024-02-29T23:59:59.999999999Z", "1970-01-01T00:00:00Z", "2261-12-31T23:59:59.1Z",
		"2023-02-29T00:00:00Z", "2024-01-02T03:04:05.123456789+05:30", "2024-01-02T03:04:05-23:59", "2024-13-01T00:00:00Z",
		"2024-00-01T00:00:00Z", "2024-01-32T00:00:00Z", "2024-01-02T24:00:00Z", "2024-01-02T00:60:00Z",
		"2024-01-02T00:00:60Z", "2024-01-02T00:00:00.Z", "2024-01-02T00:00:00.1234567891Z", "2024-01-02T00:00:00",
		"2024-01-02T00:00:00+1:00", "2024-01-02 00:00:00Z", "1969-12-31T23:59:59Z",
		"2100-02-29T00:00:00Z", "2000-02-29T00:00:00Z",
	} {
		checkTime(t, s)
	}
	for day := range 366 * 300 {
		checkTime(t, time.Unix(int64(day)*86400, 1).UTC().Format(time.RFC3339Nano))
	}
}

// checkTime compares parseTime with time.Parse.
func checkTime(t *testing.T, s string) {
	t.Helper()
	ns, ok := parseTime([]byte(s))
	at, err := time.Parse(time.RFC3339Nano, s)
	// time.Parse takes more: a comma, one digit of the hour, finer fractions, other years.
	want := err == nil && at.Year() >= 1970 && at.Year() <= 2261
	if ok && (!want || ns != at.UnixNano()) {
		t.Errorf("%s: %d, not %d %v", s, ns, at.UnixNano(), err)
	}
	if want && !ok && canonical.MatchString(s) {
		t.Errorf("%s is not parsed", s)
	}
}

var canonical = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func TestParseCRI(t *testing.T) {
	const at = "2024-01-02T03:04:05.000000006Z"
	for line, want := range map[string]string{
		at + " stdout F hello world": "hello world",
		at + " stderr P part":        "E:part +",
		at + " stdout F ":            "",
		at + " stdout F":             "",
		at + " stdout P:extra x":     "x +",
		at + " stdout F  two spaces": " two spaces",
		at + " stdin F x":            "bad",
		at + " stdout X x":           "bad",
		at + " stdout ":              "bad",
		"yesterday stdout F x":       "bad",
		"":                           "bad",
	} {
		var r record
		got := "bad"
		if err := parseCRI([]byte(line), &r); err == nil {
			got = show(&Line{Stream: r.stream, Text: r.text})
			if r.partial {
				got += " +"
			}
		}
		if got != want {
			t.Errorf("%q: %q, not %q", line, got, want)
		}
	}
}

func TestParseJSON(t *testing.T) {
	p := parser{format: DockerJSON}
	const tail = `","stream":"stderr","time":"2024-01-02T03:04:05Z"}`
	for in, want := range map[string]string{
		`{"log":"a\u00e9\ud83d\ude00\n` + tail:                "E:aé😀",
		`{"log":"\ud800x\n` + tail:                            "E:\ufffdx",
		`{"log":"\\n` + tail:                                  `E:\n`,
		`{ "time" : "2024-01-02T03:04:05Z" , "log" : "x\n" }`: "x",
		`{"log":"x\n","attrs":{"a":"}","b":[1,{"c":null}]},"time":"2024-01-02T03:04:05Z"}`: "x",
		`{"log":"x","log":"y\n","time":"2024-01-02T03:04:05Z"}`:                            "y",
		`{"log":"no newline","time":"2024-01-02T03:04:05Z"}`:                               "no newline",
		`{"log":"x\n"}`:                           "bad",
		`{"log":"x\n" "time":"y"}`:                "bad",
		`{"time":"2024-01-02T03:04:05Z"}`:         "bad",
		`{"log":"x\n` + tail + "}":                "bad",
		`{"log":"x\n` + tail[:len(tail)-1]:        "bad",
		`{"log":1,"time":"2024-01-02T03:04:05Z"}`: "bad",
		`{`: "bad", ``: "bad", `[]`: "bad",
	} {
		var r record
		got := "bad"
		if err := p.parse([]byte(in), &r); err == nil {
			got = show(&Line{Stream: r.stream, Text: r.text})
		}
		if got != want {
			t.Errorf("%s: %q, not %q", in, got, want)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"log":"a\u00e9\ud83d\ude00\n","stream":"stdout","attrs":{"a":"b"},"time":"2024-01-02T03:04:05.6Z"}`))
	f.Add([]byte(`{"log":"\\\"","stream":"stderr","time":"2024-01-02T03:04:05+01:00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := parser{format: DockerJSON}
		var r record
		err := p.parse(b, &r)
		// What encoding/json takes for a record is the same here; this parser takes more.
		var o struct {
			Log    *string           `json:"log"`
			Stream *string           `json:"stream"`
			Time   *time.Time        `json:"time"`
			Attrs  map[string]string `json:"attrs"`
		}
		d := json.NewDecoder(bytes.NewReader(b))
		if d.Decode(&o) != nil || d.More() || o.Log == nil || o.Stream == nil || o.Time == nil ||
			bytes.ContainsAny(b, "\x00") {
			return
		}
		var names map[string]json.RawMessage
		if json.Unmarshal(b, &names) != nil || names["log"] == nil || names["stream"] == nil || names["time"] == nil {
			return // they were matched without regard to case
		}
		if strings.Count(string(b), ":") > 5 || *o.Stream != "stdout" && *o.Stream != "stderr" ||
			o.Time.Year() < 1970 ||
			o.Time.Year() > 2261 {
			return // names may be repeated in another case
		}
		if err != nil {
			if _, ok := parseTime(names["time"][1 : len(names["time"])-1]); !ok {
				return
			}
			t.Fatalf("%q: %v", b, err)
		}
		if text := strings.TrimSuffix(*o.Log, "\n"); string(r.text) != text || r.time != o.Time.UnixNano() ||
			r.stream.String() != *o.Stream {
			t.Fatalf("%q: %+v", b, r)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	f.Add("2024-02-29T23:59:59.999999999+01:00")
	f.Fuzz(func(t *testing.T, s string) { checkTime(t, s) })
}

func FuzzParseCursor(f *testing.F) {
	f.Add("file;i=1;o=2;t=3")
	f.Add("file;i=ff;o=2;t=3;s=1;1=5:6;2=7:8")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil {
			if !errors.Is(err, errCursor) {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseCursor(c.String())
		if err != nil || again != c {
			t.Fatalf("%q: %v, %v, %v", s, c, again, err)
		}
	})
}

// Whatever a file holds, reading ends, nothing is read twice, and what is no record is
// accounted for, byte by byte.
func FuzzScan(f *testing.F) {
	for _, format := range formats {
		at := time.Unix(1700000000, 1)
		b := makeRecord(format, at, Stdout, "one", false)
		b = append(b, makeRecord(format, at, Stderr, "two", true)...)
		f.Add(byte(format), b)
		f.Add(byte(format), append(make([]byte, 9), b...))
		f.Add(byte(format), append([]byte("garbage\n"), b...))
		f.Add(byte(format), b[:len(b)-3])
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, number byte, b []byte) {
		format := formats[int(number)%len(formats)]
		path := filepath.Join(dir, format.String())
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		log := New(path, Options{Format: format})
		file, err := log.openFile(dir+"/", name{base: format.String()})
		if err != nil {
			t.Fatal(err)
		}
		defer file.close()
		s := scanner{parser: parser{format: format}}
		var r record
		total := int64(0)
		for s.seek(file, 0); ; {
			ok, err := s.next(&r)
			total += s.takeHole()
			var bad *BadError
			switch {
			case ok:
				total += r.end - r.start
			case errors.As(err, &bad):
				total += bad.Bytes
			case err != nil:
				t.Fatal(err)
			}
			if total != s.pos() {
				t.Fatalf("%d bytes accounted for at %d", total, s.pos())
			}
			if !ok && err == nil {
				break
			}
		}
		l := log.Reader()
		defer l.Close()
		l.End()
		n := 0
		for l.Next() {
			n++
		}
		for l.SeekTail(); l.Previous(); {
			n--
		}
		if n != 0 {
			t.Fatalf("%d lines more forward than backward", n)
		}
	})
}
