package origin

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

// BenchmarkLoad measures opening the stored endpoints, as at the start of a collector.
func BenchmarkLoad(b *testing.B) {
	ports := rig.Ports(b, 8192)
	first, last := ports.First, ports.Last
	file := filepath.Join(b.TempDir(), "e.json")
	var text bytes.Buffer
	for p := first + 1; p <= last; p++ {
		fmt.Fprintf(&text, `,{"container_id":"c%d","statsd_host":"127.0.0.1","statsd_port":%d}`, p, p)
	}
	if err := os.WriteFile(file, append(append([]byte{'['}, text.Bytes()[1:]...), ']'), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		t, err := New(Config{Ports: ports, File: file, NoBPF: true, Open: func(uint16) error { return nil }})
		if err != nil {
			b.Fatal(err)
		}
		if n := len(t.Endpoints()); n != int(last-first) {
			b.Fatalf("%d endpoints", n)
		}
		t.CloseAll()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(last-first), "ns/endpoint")
}
