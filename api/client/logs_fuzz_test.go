package client

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
)

// What an export reader returns is the stream itself, cut.
func FuzzExportReader(f *testing.F) {
	f.Add([]byte("__CURSOR=c\nMESSAGE=a\n\nDAYTWO_EVENT=gap\n\n"))
	f.Add([]byte("\n\nA=b\nMESSAGE\n\x03\x00\x00\x00\x00\x00\x00\x00a\n\n\n\n"))
	f.Add([]byte("MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff\n\n"))
	f.Add([]byte("A=" + strings.Repeat("long", 30_000) + "\n\n__CUR"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := exportReader{r: bufio.NewReader(bytes.NewReader(in))}
		rest := in
		for {
			rec, err := r.next()
			if (rec.LogEntry == nil) == (err == nil) {
				t.Fatalf("%+v, %v", rec, err)
			}
			if err != nil {
				if err == io.EOF && len(bytes.Trim(rest, "\n")) > 0 {
					t.Errorf("%q is left at the end", rest)
				}
				return
			}
			var ok bool
			if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, "\n"), rec.export); !ok || len(rec.export) < 3 {
				t.Fatalf("%q is not what comes next", rec.export)
			}
		}
	})
}

func FuzzEventReader(f *testing.F) {
	f.Add("id: c1\ndata: {\"realtime_timestamp\":1,\"fields\":{\"A\":\"b\",\"C\":{\"base64\":\"/w==\"}}}\n\n")
	f.Add(": ping\n\nevent: gap\r\ndata: {\"event\":\"gap\"}\r\n\r\n")
	f.Add("data: {}\ndata: {}\n\n")
	f.Add("data:" + strings.Repeat(" ", 40000) + "{}\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		r := newEventReader(strings.NewReader(s), func() {})
		for n := 0; ; n++ {
			e, err := r.next()
			if (e == nil) == (err == nil) {
				t.Fatalf("%v, %v", e, err)
			}
			if err != nil {
				return
			}
			if n > len(s) {
				t.Fatal("more events than bytes")
			}
		}
	})
}
