//go:build !race

package sink_test

import (
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// A record becomes JSON without allocation, once the buffers have grown.
func TestEncodeAllocates(t *testing.T) {
	records := append(testlog.Records(0, 10), testlog.Odd()...)
	var e sink.Encoder
	var b []byte
	each := func() {
		for _, r := range records {
			b = e.Append(b[:0], r)
		}
	}
	each()
	if n := testing.AllocsPerRun(20, each); n > 0 {
		t.Errorf("%.1f allocations for %d records", n, len(records))
	}
}

func BenchmarkEncode(b *testing.B) {
	r := testlog.Record(1, strings.Repeat("a line of a usual log ", 6))
	var e sink.Encoder
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = e.Append(buf[:0], r)
	}
	b.SetBytes(int64(len(buf)))
}
