package containers

import (
	"fmt"
	"runtime"
	"testing"
)

// Benchmark10000 simulates the start of the collector on a machine of 10,000 docker
// containers: it resolves all paths, then stores the details of all containers. It
// reports the memory that each container occupies afterwards.
func Benchmark10000(b *testing.B) {
	const n = 10_000
	b.ReportAllocs()
	var before, after runtime.MemStats
	var r *Resolver
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		r = New(none())
		paths := make([]string, n)
		for i := range paths {
			paths[i] = fmt.Sprintf("/docker/%064x", i)
			r.Resolve(paths[i])
		}
		for i, p := range paths {
			id := p[len("/docker/"):]
			r.put(rankEngine, &record{id: id, runtime: "docker", name: fmt.Sprint("web-", i),
				image:   "registry.example/shop/web:1.2.3",
				imageID: "sha256:" + id, pid: i + 1, paths: []string{p},
				labels: map[string]string{"tier": "front", "team": "shop"}, env: map[string]string{}})
		}
		if got := r.Gen(); got != n {
			b.Fatalf("%d answers changed, want %d", got, n)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/container")
	runtime.KeepAlive(r)
}
