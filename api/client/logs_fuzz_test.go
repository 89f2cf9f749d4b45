package client

import (
	"strings"
	"testing"
)

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
