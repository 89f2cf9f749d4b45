//go:build !race

package entry

import (
	"fmt"
	"testing"
)

// Encoding and decoding allocate nothing in steady state.
func TestCodecAllocatesNothing(t *testing.T) {
	var e Encoder
	var d Decoder
	list := make([]*Entry, 500)
	for i := range list {
		list[i] = &Entry{Cursor: fmt.Sprintf("s=abc;i=%x;x=%d", i, i*i), Realtime: int64(i) * 1000, Fields: []Field{
			{"MESSAGE", fmt.Appendf(nil, "message number %d", i)}, {"PRIORITY", []byte("6")}, {"_HOSTNAME", []byte("alpha")}}}
		list[i].Origin.SetTag("task_name", fmt.Sprint("web-", i%7))
	}
	var message []byte
	emit := func(m []byte) error { message = append(message[:0], m...); return nil }
	allocs := testing.AllocsPerRun(20, func() {
		for _, x := range list {
			if err := e.Add(x); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Finish(Header{}, 0, emit); err != nil {
			t.Fatal(err)
		}
		if _, complete, err := d.Decode(message); err != nil || !complete {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			rec, ok, err := d.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				if i != len(list) {
					t.Fatalf("%d entries", i)
				}
				return
			}
			if rec.Entry.Realtime != int64(i)*1000 {
				t.Fatalf("entry %d: %+v", i, rec.Entry)
			}
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for %d entries", allocs, len(list))
	}
}

func BenchmarkCodec(b *testing.B) {
	const n = 1000
	var e Encoder
	var d Decoder
	x := &Entry{Realtime: 1, Fields: []Field{{"MESSAGE", []byte("GET /index.html 200 1234 bytes in 12 ms")},
		{"PRIORITY", []byte("6")},
		{"_HOSTNAME", []byte("alpha")}, {"_PID", []byte("1234")}, {"_SYSTEMD_UNIT", []byte("web.service")},
		{"SYSLOG_IDENTIFIER", []byte("web")}}}
	cursors := make([]string, n)
	for i := range cursors {
		cursors[i] = fmt.Sprintf("s=0123456789abcdef0123456789abcdef;i=%x;b=0123456789abcdef0123456789abcdef;m=%x;t=%x;x=%x",
			i, i*31, i*77, i*i*7919)
	}
	var message []byte
	b.Run("encode", func(b *testing.B) {
		for range b.N {
			for i := range n {
				x.Cursor, x.Realtime = cursors[i], int64(i)*1000
				_ = e.Add(x)
			}
			_ = e.Finish(Header{}, 0, func(m []byte) error { message = append(message[:0], m...); return nil })
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
		b.ReportMetric(float64(len(message))/n, "bytes/entry")
	})
	b.Run("decode", func(b *testing.B) {
		for range b.N {
			if _, _, err := d.Decode(message); err != nil {
				b.Fatal(err)
			}
			for {
				if _, ok, err := d.Next(); err != nil || !ok {
					break
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
	})
}
