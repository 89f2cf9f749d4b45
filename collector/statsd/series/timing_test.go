package series

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/collector/statsd/line"
)

// cpu returns the CPU time of this thread.
func cpu() time.Duration {
	const thisThread = 1 // RUSAGE_THREAD
	var ru syscall.Rusage
	if err := syscall.Getrusage(thisThread, &ru); err != nil {
		panic(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// BenchmarkAdd measures the aggregation of lines that are parsed already.
func BenchmarkAdd(b *testing.B) {
	for _, typ := range []string{"c", "g", "ms", "s"} {
		b.Run(typ, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			r := newRig(b, Options{})
			lines := make([]line.Line, 1000)
			for i := range lines {
				if reason := r.p.Parse(fmt.Appendf(nil,
					"page.views.total:%d|%s|@0.5|#env:prod,service:web,region:us-east-1,version:%d", i%7, typ,
					i), &lines[i]); reason != line.Accepted {
					b.Fatal(reason)
				}
			}
			w := r.s.Worker(0)
			now := r.now.UnixNano()
			for i := range lines {
				w.Line(1, r.p, &lines[i], now)
			}
			b.ReportAllocs()
			before, i := cpu(), 0
			for b.Loop() {
				w.Line(1, r.p, &lines[i], now)
				if i++; i == len(lines) {
					i = 0
				}
			}
			b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}
