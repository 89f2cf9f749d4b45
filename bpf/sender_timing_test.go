package bpf

import (
	"errors"
	"net"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/daytwo/daytwo/bench/rig"
	"golang.org/x/sys/unix"
)

// BenchmarkSender measures the program's time per sent packet, as the kernel counts it
// (BPF_ENABLE_STATS).
func BenchmarkSender(b *testing.B) {
	var dir string
	for _, d := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(d, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			dir = d
		}
	}
	s, err := NewSender(dir, HierarchyMemory)
	rig.NeedRoot(b, "a BPF program")
	if errors.Is(err, ErrNoBTF) {
		rig.KernelLacks(b, rig.BTF, err)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		b.Fatal(err)
	}
	defer stats.Close()
	to := conn.LocalAddr().(*net.UDPAddr)
	for name, watched := range map[string]bool{"watched": true, "other": false} {
		b.Run(name, func(b *testing.B) {
			s.Watch(uint16(to.Port), watched)
			out, err := net.Dial("udp", to.String())
			if err != nil {
				b.Fatal(err)
			}
			defer out.Close()
			before, err := s.coll.Programs[senderProgSender].Stats()
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				out.Write([]byte("a:1|c"))
			}
			after, err := s.coll.Programs[senderProgSender].Stats()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(after.Runtime-before.Runtime)/float64(after.RunCount-before.RunCount), "program-ns/packet")
		})
	}
}
