package cgroups

import (
	"fmt"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

// BenchmarkWalk reads all parts of idle cgroups by BPF.
func BenchmarkWalk(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := layout(b)
			top := makeGroup(b, l, fmt.Sprintf("walk-%d", n))
			for i := range n {
				top.child(fmt.Sprintf("c%d", i))
			}
			w := openWalk(b, l)
			defer w.Close()
			var s Snapshot
			for range 3 {
				if err := w.Walk(&s); err != nil {
					b.Fatal(err)
				}
			}
			if len(s.Groups) < n {
				b.Fatalf("%d groups are shown, %d were made", len(s.Groups), n)
			}
			if _, row := top.row(&s); row == nil || row[metric.CPUUsage] == metric.Absent {
				b.Fatal("the record is not whole")
			}
			b.ReportAllocs()
			cpu := cpuTime(b)
			for b.Loop() {
				if err := w.Walk(&s); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N)/float64(len(s.Groups)), "cpu-ns/cgroup")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(s.Groups)), "ns/cgroup")
			b.ReportMetric(float64(len(w.trees)), "hierarchies")
		})
	}
}

// BenchmarkWalkOpen loads the programs and finds the kernel's tables.
func BenchmarkWalkOpen(b *testing.B) {
	l := layout(b)
	cpu := cpuTime(b)
	for b.Loop() {
		w, err := newWalk(l)
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N)/1e6, "cpu-ms/op")
}
