//go:build !race

package recording

import (
	"testing"

	"github.com/daytwo/daytwo/api/session/wire"
)

func TestOutputAllocatesNothing(t *testing.T) {
	e := encoder(t, true)
	data := make([]byte, 32<<10)
	for i := range data {
		data[i] = "0123456789 abc\x1b[1m\n"[i%19]
	}
	var offset uint64
	if n := testing.AllocsPerRun(200, func() {
		e.Reset()
		e.Output(zero, wire.Stdout, offset, data)
		offset += uint64(len(data))
	}); n > 0.05 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOutput(b *testing.B) {
	e := encoder(b, true)
	data := make([]byte, 32<<10)
	for i := range data {
		data[i] = 'x'
		if i%80 == 79 {
			data[i] = '\n'
		}
	}
	b.SetBytes(int64(len(data)))
	var offset uint64
	for b.Loop() {
		e.Reset()
		e.Output(zero, wire.Stdout, offset, data)
		offset += uint64(len(data))
	}
}
