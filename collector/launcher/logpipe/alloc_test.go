//go:build !race

package logpipe

import (
	"bytes"
	"os"
	"testing"
)

// Lines are read and sent without allocation.
func TestAllocLines(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	p, err := newPipe(Options{Socket: sink(t), Fields: testFields,
		Sources: []Source{{FD: int(in.Fd()), Stream: "STDOUT", Priority: 6, Tee: -1}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.conn.close()
	text := bytes.Repeat([]byte("a line of a usual length, such as one of an access log of a web server\n"), 800)
	round := func() {
		if _, err := out.Write(text); err != nil {
			t.Fatal(err)
		}
		for want := p.Bytes + uint64(len(text)); p.Bytes < want || p.q.unsent > 0; {
			if err := p.wait(-1); err != nil {
				t.Fatal(err)
			}
			p.flush()
		}
	}
	for range 50 {
		round()
	}
	if n := testing.AllocsPerRun(100, round); n > 0 {
		t.Errorf("%v allocations for %d bytes", n, len(text))
	}
	if p.Lost() || p.Lines == 0 {
		t.Errorf("%+v", p.Stats)
	}
}
