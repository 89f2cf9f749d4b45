package bpf

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// BenchmarkDrops measures the program's time per dropped packet, as the kernel counts
// it (BPF_ENABLE_STATS): at a socket passed to Socket, and at any other.
func BenchmarkDrops(b *testing.B) {
	d, err := NewDrops(nil)
	needDrops(b, err)
	defer d.Close()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadBuffer(1)
	raw, err := conn.SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		b.Fatal(err)
	}
	defer stats.Close()
	out, err := net.DialUDP("udp", nil, conn.LocalAddr().(*net.UDPAddr))
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	packet := []byte("a:1|c")
	for range 100 {
		out.Write(packet)
	}
	for _, ours := range []bool{false, true} {
		b.Run(fmt.Sprintf("ours=%t", ours), func(b *testing.B) {
			var on error
			if ours {
				raw.Control(func(fd uintptr) { on = d.Socket(int(fd)) })
			}
			before, err := d.coll.Programs[dropsProgDropped].Stats()
			if err != nil || on != nil {
				b.Fatal(err, on)
			}
			d.Read(nil)
			for b.Loop() {
				out.Write(packet)
			}
			after, err := d.coll.Programs[dropsProgDropped].Stats()
			if err != nil {
				b.Fatal(err)
			}
			var told uint64
			for end := time.Now().Add(time.Second); told < uint64(b.N) && time.Now().Before(end) && ours; {
				for _, of := range d.Read(nil) {
					told += of.Datagrams
				}
			}
			if ours && told != uint64(b.N) {
				b.Errorf("told of %d drops of %d", told, b.N)
			}
			b.ReportMetric(float64(after.Runtime-before.Runtime)/float64(after.RunCount-before.RunCount), "program-ns/drop")
		})
	}
}

// BenchmarkDropsRead measures a Read when nothing was dropped.
func BenchmarkDropsRead(b *testing.B) {
	d, err := NewDrops(nil)
	needDrops(b, err)
	defer d.Close()
	for b.Loop() {
		d.Read(nil)
	}
}
