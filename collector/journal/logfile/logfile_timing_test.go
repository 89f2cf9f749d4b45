package logfile

import (
	"fmt"
	"testing"
)

func BenchmarkNext(b *testing.B) {
	for _, f := range formats {
		b.Run(f.String(), func(b *testing.B) {
			w := newTestWriter(b, f)
			const lines = 20000
			for i := range lines {
				w.line(fmt.Sprintf("192.0.2.1 - - [01/Jan/2024:00:00:00 +0000] \"GET /item/%d HTTP/1.1\" 200 1234", i))
			}
			r := w.log(Options{}).Reader()
			defer r.Close()
			size := int64(0)
			for b.Loop() {
				if !r.Next() {
					r.SeekHead()
					r.Next()
				}
				size += int64(len(r.Line().Text))
			}
			b.SetBytes(size / int64(b.N))
		})
	}
}

func BenchmarkLast100(b *testing.B) {
	for _, f := range formats {
		b.Run(f.String(), func(b *testing.B) {
			w := newTestWriter(b, f)
			for i := range 50000 {
				w.line(fmt.Sprintf("192.0.2.1 - - [01/Jan/2024:00:00:00 +0000] \"GET /item/%d HTTP/1.1\" 200 1234", i))
			}
			l := w.log(Options{})
			for b.Loop() {
				r := l.Reader()
				r.SeekTail()
				for range 100 {
					r.Previous()
				}
				r.Close()
			}
		})
	}
}
