package intake

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// threadTime returns the CPU time of this thread.
func threadTime() time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

// BenchmarkReceive measures a receiver and a worker on one core: from the socket into
// the ring and out of it, for datagrams that the kernel has queued already. It reports
// the thread's CPU time, which other load on the machine does not change.
func BenchmarkReceive(b *testing.B) {
	line := []byte("page.views.total:1|c|@0.5|#env:prod,service:web,region:us-east-1,version:1.2.3")
	for _, c := range []struct {
		name     string
		segments int // datagrams that the sender joins by GSO
		original bool
		lines    int // lines per datagram
		queued   int // datagrams in the queue; if they are many, they are no longer in the CPU's caches
	}{
		{"lines=1", 0, false, 1, 1024},
		{"lines=1,far_behind", 0, false, 1, 8192},
		{"lines=1,original_port", 0, true, 1, 1024},
		{"lines=18", 0, false, 18, 1024},
		{"lines=1,gro=64", 64, false, 1, 8192},
		{"lines=1,gro=64,original_port", 64, true, 1, 8192},
	} {
		b.Run(c.name, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			in, err := New(Options{Workers: 1, Handle: func(int, []Packet) {}})
			if err != nil {
				b.Fatal(err)
			}
			defer in.Close()
			l, err := in.ListenUDP(UDP{Address: netip.MustParseAddrPort("127.0.0.1:0"), OriginalPort: c.original})
			if err != nil {
				b.Fatal(err)
			}
			r, s := l.receivers[0], l.sockets[0]
			// From here on the benchmark acts as the receiver and the worker.
			unix.EpollCtl(int(r.epfd()), unix.EPOLL_CTL_DEL, s.fd, nil)
			in.rings.Store(new([]*ring))
			defer func() { in.addRing(r.ring) }()
			w := &worker{in: in, batch: make([]Packet, 0, 128)}

			conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", l.Port()))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			data := bytes.TrimSuffix(bytes.Repeat(append(line, '\n'), c.lines), []byte("\n"))
			each := 1
			if c.segments > 0 {
				raw, _ := conn.(*net.UDPConn).SyscallConn()
				size := len(data)
				raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size) })
				if err != nil {
					b.Fatal(err)
				}
				data, each = bytes.Repeat(data, c.segments), c.segments
			}
			b.SetBytes(int64(len(data) / each))
			b.ReportAllocs()
			var cpu time.Duration
			done := 0
			for done < b.N {
				b.StopTimer()
				for n := 0; n < c.queued; n += each {
					if _, err := conn.Write(data); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				start := threadTime()
				for more := true; more; {
					more = r.read(s)
					for {
						pos, n := r.ring.take(takeSlots)
						if n == 0 {
							break
						}
						for j := range uint64(n) {
							w.add(r.ring.at(pos+j), r.ring.buffer(pos+j))
						}
						w.flush()
						r.ring.give(pos, n)
					}
				}
				cpu += threadTime() - start
				done += c.queued
			}
			b.StopTimer()
			if c := l.Counts(); c.KernelDrops != 0 || int(c.Packets) != done {
				b.Fatalf("sent %d: %+v", done, c)
			}
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(done), "cpu-ns/datagram")
			b.ReportMetric(float64(done)/cpu.Seconds(), "datagrams/s/core")
		})
	}
}
