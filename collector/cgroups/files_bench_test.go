package cgroups

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkFiles reads all parts of idle cgroups from files, as a tick without BPF does.
func BenchmarkFiles(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := layout(b)
			top := makeGroup(b, l, fmt.Sprintf("bench-%d", n))
			for i := range n {
				top.child(fmt.Sprintf("c%d", i))
			}
			f := openFiles(b, l)
			var s Snapshot
			for range 3 {
				readAll(b, f, &s)
			}
			if len(s.Groups) < n {
				b.Fatalf("%d groups are shown, %d were made", len(s.Groups), n)
			}
			b.ReportAllocs()
			cpu := cpuTime(b)
			for b.Loop() {
				readAll(b, f, &s)
			}
			b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N)/float64(len(s.Groups)), "cpu-ns/cgroup")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(s.Groups)), "ns/cgroup")
			b.ReportMetric(float64(f.openFDs)/float64(len(s.Groups)), "fds/cgroup")
		})
	}
}

// BenchmarkReader reads idle cgroups as a tick does: by BPF where it can be used, and
// with the rolling check.
func BenchmarkReader(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := layout(b)
			top := makeGroup(b, l, fmt.Sprintf("reader-%d", n))
			for i := range n {
				top.child(fmt.Sprintf("c%d", i))
			}
			r := openReader(b, Options{Layout: l, Log: quiet()})
			for range 10 {
				readSnapshot(b, r)
			}
			b.ReportAllocs()
			cpu := cpuTime(b)
			var walk, files time.Duration
			for b.Loop() {
				readSnapshot(b, r)
				walk, files = walk+r.Stats().WalkTime, files+r.Stats().FilesTime
			}
			per := float64(b.N) * float64(r.Stats().Groups)
			b.ReportMetric(float64(cpuTime(b)-cpu)/per, "cpu-ns/cgroup")
			b.ReportMetric(float64(walk)/per, "walk-ns/cgroup")
			b.ReportMetric(float64(files)/per, "files-ns/cgroup")
			for _, st := range r.Status() {
				if st.Reader != "bpf" {
					b.Logf("%s: %s: %s", st.Part, st.Reader, st.Reason)
				}
			}
		})
	}
}

// cpuTime returns the CPU time of this process in nanoseconds. Wall time would include
// the time in which other programs use the CPU.
func cpuTime(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
