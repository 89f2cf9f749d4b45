package intake

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// got collects the packets that a handler received.
type got struct {
	mu      sync.Mutex
	packets []Packet
	shed    atomic.Int64
	lines   atomic.Int64
	count   atomic.Int64
	dropped atomic.Int64
}

func (g *got) handle(_ int, batch []Packet) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range batch {
		p.Data = bytes.Clone(p.Data)
		g.packets = append(g.packets, p)
		g.dropped.Add(int64(p.Dropped))
	}
	g.count.Add(int64(len(batch)))
}

// wait returns the packets once there are at least n.
func (g *got) wait(t *testing.T, n int) []Packet {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); g.count.Load() < int64(n); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d packets came, want %d", g.count.Load(), n)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.packets
}

func start(t *testing.T, o Options) (*Intake, *got) {
	t.Helper()
	g := &got{}
	if o.Handle == nil {
		o.Handle = g.handle
	}
	o.Shed = func(_ *Source, packets, lines, _ int) {
		g.shed.Add(int64(packets))
		g.lines.Add(int64(lines))
	}
	in, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in, g
}

func listenUDP(t *testing.T, in *Intake, o UDP) *Listener {
	t.Helper()
	if !o.Address.IsValid() {
		o.Address = netip.MustParseAddrPort("127.0.0.1:0")
	}
	l, err := in.ListenUDP(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func dial(t *testing.T, network, address string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func at(l *Listener) string { return fmt.Sprintf("127.0.0.1:%d", l.Port()) }

// A datagram of any size arrives unchanged, with its sender.
func TestKernelUDP(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		in, g := start(t, Options{})
		l := listenUDP(t, in, UDP{Address: netip.MustParseAddrPort(address), Sockets: 2})
		host, _, _ := net.SplitHostPort(address)
		c := dial(t, "udp", net.JoinHostPort(host, fmt.Sprint(l.Port())))
		want := []string{"a:1|c", "", strings.Repeat("x", 9000), strings.Repeat("y", 65507-20*boolInt(host != "127.0.0.1"))}
		for i, w := range want {
			if _, err := c.Write([]byte(w)); err != nil {
				t.Fatal(err)
			}
			p := g.wait(t, i+1)[i]
			local := c.LocalAddr().(*net.UDPAddr)
			if string(p.Data) != w || p.Truncated || p.Source.Listener != l.Number || p.Source.Port != l.Port() ||
				int(p.Source.SrcPort) != local.Port || netip.AddrFrom16(p.Source.Src).Unmap() != local.AddrPort().Addr().Unmap() {
				t.Errorf("%s: %d bytes came for %d: %+v from %v", address, len(p.Data), len(w), p.Source, local)
			}
		}
		if c := l.Counts(); c.Packets != 4 || c.KernelDrops != 0 {
			t.Errorf("counts %+v", c)
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Datagrams that a sender joins by GSO arrive as separate datagrams.
func TestKernelGRO(t *testing.T) {
	in, g := start(t, Options{})
	l := listenUDP(t, in, UDP{})
	c := dial(t, "udp", at(l))
	raw, _ := c.(*net.UDPConn).SyscallConn()
	raw.Control(func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 7); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := c.Write([]byte("aaaa:1|bbbb:2|cccc:3|d:")); err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, p := range g.wait(t, 4) {
		text = append(text, string(p.Data))
	}
	if s := strings.Join(text, " "); s != "aaaa:1| bbbb:2| cccc:3| d:" {
		t.Errorf("got %q", s)
	}
	if c := l.Counts(); c.Packets != 4 || c.Bytes != 23 {
		t.Errorf("counts %+v", c)
	}
}

// backlogDrops returns how many packets the kernel has dropped because a CPU's queue of
// them was full (column 2 of /proc/net/softnet_stat): no socket was found for them yet,
// so no socket counts them.
func backlogDrops(t *testing.T) (sum uint64) {
	t.Helper()
	b, err := os.ReadFile("/proc/net/softnet_stat")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		n, err := strconv.ParseUint(strings.Fields(line)[1], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// Every datagram that reaches a socket is delivered, shed or counted as dropped by the
// kernel. The handler blocks here while the sender continues.
func TestKernelFlood(t *testing.T) {
	for _, policy := range []Policy{ShedNewest, LeaveToKernel} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			var handled, lines, dropped atomic.Int64
			in, g := start(t, Options{Workers: 1, Slots: 64, Policy: policy, Handle: func(_ int, b []Packet) {
				for _, p := range b {
					lines.Add(int64(Lines(p.Data)))
					dropped.Add(int64(p.Dropped))
				}
				handled.Add(int64(len(b)))
				time.Sleep(time.Duration(len(b)) * 20 * time.Microsecond) // 50 thousand a second: half of what is sent, or less
			}})
			l := listenUDP(t, in, UDP{ReceiveBuffer: 64 << 10})
			c := dial(t, "udp", at(l))
			const sent = 60000
			before := backlogDrops(t)
			for range sent {
				if _, err := c.Write([]byte("a:1|c\n\nb:2|c\r\n\r\n")); err != nil {
					t.Fatal(err)
				}
			}
			var n Counts
			balanced := func() bool {
				n = l.Counts()
				got := n.Packets + n.ShedPackets + n.KernelDrops
				// Packets of other programs may be among those of the backlog.
				return got <= sent && sent-got <= backlogDrops(t)-before && uint64(handled.Load()) == n.Packets
			}
			for end := time.Now().Add(20 * time.Second); !balanced() && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			if !balanced() || lines.Load() != 2*handled.Load() || n.ShedLines != 2*n.ShedPackets ||
				g.shed.Load() != int64(n.ShedPackets) || g.lines.Load() != int64(n.ShedLines) {
				t.Errorf("sent %d, handled %d, counts %+v, shed %d, lines %d, dropped at a CPU's queue %d", sent, handled.Load(), n,
					g.shed.Load(), lines.Load(), backlogDrops(t)-before)
			}
			if over := n.ShedPackets; (over == 0) == (policy == ShedNewest) {
				t.Errorf("policy %d shed %d", policy, over)
			}
			if policy == LeaveToKernel && (n.KernelDrops == 0 || dropped.Load() == 0 || uint64(dropped.Load()) > n.KernelDrops) {
				t.Errorf("the kernel dropped %d, told beside packets: %d", n.KernelDrops, dropped.Load())
			}
			t.Logf("sent %d: handled %d, shed %d, dropped by the kernel %d", sent, n.Packets, n.ShedPackets, n.KernelDrops)
		})
	}
}

// The credentials of unix senders come from the kernel.
func TestKernelUnixgram(t *testing.T) {
	in, g := start(t, Options{})
	path := filepath.Join(t.TempDir(), "s")
	l, err := in.ListenUnixgram(Unix{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, "unixgram", path)
	for i, size := range []int{10, 30000, 65536, 70000} {
		if _, err := c.Write(bytes.Repeat([]byte("z"), size)); err != nil {
			t.Fatal(err)
		}
		p := g.wait(t, i+1)[i]
		if len(p.Data) != min(size, slotSize) || p.Truncated != (size > slotSize) || int(p.Source.PID) != os.Getpid() ||
			int(p.Source.UID) != os.Getuid() || p.Source.Listener != l.Number {
			t.Errorf("%d bytes came for %d, truncated: %t, from %+v", len(p.Data), size, p.Truncated, p.Source)
		}
	}
	if _, err := in.ListenUnixgram(Unix{Path: path}); err == nil {
		t.Error("a second listener took the path from the first")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
}

// If a path is removed or replaced by a dead socket, the listener opens it again.
// Clients of the old socket are still served.
func TestUnixPathReplaced(t *testing.T) {
	in, g := start(t, Options{})
	path := filepath.Join(t.TempDir(), "s")
	if _, err := in.ListenUnixgram(Unix{Path: path}); err != nil {
		t.Fatal(err)
	}
	old := dial(t, "unixgram", path)
	for i, replace := range []func(){
		func() { os.Remove(path) },
		func() {
			os.Remove(path)
			dead, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
			if err != nil {
				t.Fatal(err)
			}
			dead.Close() // leaves the file
		},
	} {
		replace()
		var c net.Conn
		var err error
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if c, err = net.Dial("unixgram", path); err == nil {
				break
			}
		}
		if err != nil {
			t.Fatalf("the path did not come back: %v", err)
		}
		c.Write([]byte("new"))
		c.Close()
		old.Write([]byte("old"))
		g.wait(t, 2*(i+1))
	}
}

// One receiver reads thousands of sockets that are opened and closed at run time.
// Packets queued at a closed socket are not lost.
func TestKernelGroup(t *testing.T) {
	in, g := start(t, Options{})
	group, err := in.ListenGroup(UDP{Address: netip.MustParseAddrPort("127.0.0.1:0"), ReceiveBuffer: 1 << 16})
	if err != nil {
		t.Fatal(err)
	}
	const first, ports = 21000, 500
	s, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for p := range uint16(ports) {
		if err := group.Open(first + p); err != nil {
			t.Fatal(err)
		}
		s.WriteTo([]byte("a:1|c"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: first + int(p)})
		if p%2 == 0 {
			arrived(t, group, int(p)+1)
			if err := group.ClosePort(first + p); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := map[uint16]int{}
	for _, p := range g.wait(t, ports) {
		seen[p.Source.Port]++
	}
	if len(seen) != ports {
		t.Errorf("%d ports were heard, want %d", len(seen), ports)
	}
	if err := group.ClosePort(first); err == nil {
		t.Error("a port was closed twice")
	}
}

// arrived waits until the given number of packets has reached a socket. A busy kernel
// delivers them some time after they were sent.
func arrived(t *testing.T, g *Group, packets int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		there := int(g.Counts().Packets)
		g.UDPSockets(func(fd int) error {
			if queued, _, _ := memInfo(fd); queued > 0 {
				there++
			}
			return nil
		})
		if there >= packets {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d packets of %d arrive", there, packets)
		}
	}
}

func TestLines(t *testing.T) {
	for s, want := range map[string]int{"": 0, "\n": 0, "a": 1, "a\n": 1, "a\nb": 2, "\r\n\na\r\n\r": 1, "a\n\nb\n": 2} {
		if n := Lines([]byte(s)); n != want {
			t.Errorf("%q: %d lines, want %d", s, n, want)
		}
	}
}

// Control messages come from the kernel, but the parser must not trust their lengths.
func FuzzControl(f *testing.F) {
	f.Add([]byte{20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 40, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var c control
		parseControl(b, &c)
		var s Source
		parseName(b, &s)
	})
}
