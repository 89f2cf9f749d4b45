package logpipe

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"testing"
)

// BenchmarkLines is one core's way of a line from a pipe to a socket whose receiver only
// forgets it. "lines/s" is by the clock, with the writer and the receiver running beside.
func BenchmarkLines(b *testing.B) {
	for name, n := range map[string]int{"40B": 40, "100B": 100, "1000B": 1000} {
		b.Run(name, func(b *testing.B) {
			in, out, err := os.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			defer in.Close()
			line := append(bytes.Repeat([]byte("x"), n-1), '\n')
			text := bytes.Repeat(line, 64<<10/n)
			b.SetBytes(int64(n))
			go func() {
				defer out.Close()
				for left := b.N; left > 0; left -= len(text) / n {
					if left*n < len(text) {
						text = text[:left*n]
					}
					if _, err := out.Write(text); err != nil {
						return
					}
				}
			}()
			o := Options{Socket: sink(b), Fields: testFields, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
				Sources: []Source{{FD: int(in.Fd()), Stream: "STDOUT", Priority: 6, Tee: -1}}}
			b.ResetTimer()
			stats, err := Run(b.Context(), o)
			b.StopTimer()
			if err != nil || stats.Lines != uint64(b.N) || stats.Lost() {
				b.Fatalf("%+v, %v", stats, err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// BenchmarkSplitAdd is the part of that without system calls.
func BenchmarkSplitAdd(b *testing.B) {
	const n = 100
	p := &pipe{Options: Options{LineMax: DefaultLineMax}}
	s := &source{splitter: splitter{max: DefaultLineMax}, prefixes: makePrefixes(testFields, "STDOUT")}
	text := bytes.Repeat(append(bytes.Repeat([]byte("x"), n-1), '\n'), 500)
	b.SetBytes(n)
	for range b.N / 500 {
		s.took(copy(s.space(), text))
		p.lines(s)
		for p.q.next() != nil {
			p.q.nextSent()
		}
		p.q.handled(p.q.sent)
	}
}
