package sinks

import (
	"fmt"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/testlog"
)

// How many records a second one relay delivers to one sink, from a stream that has them all.
// The receiver runs on the same machine and takes its share of it.
func BenchmarkRelay(b *testing.B) {
	targets := collectors(b)
	file := &target{t: b, name: "file", config: "file: {path: %s/out.jsonl}", address: b.TempDir()}
	for _, g := range []*target{file, redisServer(b), targets["otlp-grpc"], targets["forward"]} {
		b.Run(g.name, func(b *testing.B) {
			const batch = 1000
			s := newStream(b)
			n := max(b.N, 10*batch) / batch * batch
			for i := 0; i < n; i += batch {
				s.publish(testlog.Records(i, batch)...)
			}
			if g.command != nil {
				g.start()
				defer g.process.Kill()
			}
			b.ResetTimer()
			began := time.Now()
			d := s.relay(b, "sinks:\n  - name: x\n"+indent(fmt.Sprintf(g.config, g.address), "    "))
			until(b, d, "x", 5*time.Minute, func(v v1.Sink) bool {
				if v.Delivered == 0 {
					began = time.Now()
				}
				return int(v.Delivered) >= n
			})
			b.ReportMetric(float64(n)/time.Since(began).Seconds(), "records/s")
			d.Kill()
		})
	}
}
