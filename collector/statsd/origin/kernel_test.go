package origin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/statsd/intake"
)

// fixture is an intake and a table connected as in package statsd.
type fixture struct {
	in    *intake.Intake
	table *Table
	udp   *intake.Listener // the shared port
	udp6  *intake.Listener // the same on ::1
	unix  string           // path of the unix socket
	first uint16           // port

	mu   sync.Mutex
	from map[string]Origin // by the packet's data
	of   map[Origin]uint64 // number of packets
	n    int
}

func (r *fixture) handle(_ int, batch []intake.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range batch {
		s := Sender(p.Source)
		o := r.table.Resolve(&s)
		r.from[string(p.Data)] = o
		r.of[o]++
		r.n++
	}
}

// who waits for a packet and returns its origin.
func (r *fixture) who(t *testing.T, data string) Info {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		r.mu.Lock()
		o, ok := r.from[data]
		r.mu.Unlock()
		if ok {
			info, _ := r.table.Info(o)
			return info
		}
	}
	t.Fatalf("packet %q did not come", data)
	return Info{}
}

func newFixture(t *testing.T, c Config) *fixture {
	t.Helper()
	return newFixtureIn(t, &fixture{}, c)
}

// newFixtureIn fills in a fixture to which its config refers.
func newFixtureIn(t *testing.T, r *fixture, c Config) *fixture {
	t.Helper()
	rig.NeedRoot(t, "a BPF program")
	r.from, r.of = map[string]Origin{}, map[Origin]uint64{}
	if c.Ports.IsZero() {
		c.Ports = rig.Ports(t, 1000)
	}
	r.first = c.Ports.First
	var err error
	if r.in, err = intake.New(intake.Options{Workers: 2, Handle: r.handle, Policy: intake.LeaveToKernel}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.in.Close()
		if r.table != nil {
			r.table.CloseAll()
		}
	})
	if r.udp, err = r.in.ListenUDP(intake.UDP{Address: netip.MustParseAddrPort("0.0.0.0:0")}); err != nil {
		t.Fatal(err)
	}
	if r.udp6, err = r.in.ListenUDP(intake.UDP{Address: netip.MustParseAddrPort("[::1]:0")}); err != nil {
		t.Fatal(err)
	}
	r.unix = filepath.Join(t.TempDir(), "s")
	if _, err = r.in.ListenUnixgram(intake.Unix{Path: r.unix}); err != nil {
		t.Fatal(err)
	}
	c.Watch = []uint16{r.udp.Port(), r.udp6.Port()}
	if c.Socket == nil {
		c.Socket = func(at netip.AddrPort) (fd int, err error) {
			l, err := r.in.ListenUDP(intake.UDP{Address: at, OriginalPort: true})
			if err == nil {
				err = l.Control(func(f int) error { fd = f; return nil })
			}
			return fd, err
		}
	}
	if c.Open == nil {
		group, err := r.in.ListenGroup(intake.UDP{Address: netip.MustParseAddrPort("127.0.0.1:0"), ReceiveBuffer: 1 << 16})
		if err != nil {
			t.Fatal(err)
		}
		c.Open, c.Close = group.Open, group.ClosePort
	}
	table, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.table = table
	r.mu.Unlock()
	return r
}

func (r *fixture) add(t *testing.T, q launch.Request) launch.Container {
	t.Helper()
	c, err := r.table.Add(q)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sendTo(t *testing.T, port uint16, data string) {
	t.Helper()
	c, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
}

// Two thousand containers send to their own ports, 300 in an emulated VM. One socket
// receives all of them, and the container of each packet is known. Without steering, each
// port has a socket.
func TestKernelPorts(t *testing.T) {
	for _, noBPF := range []bool{false, true} {
		t.Run(fmt.Sprintf("NoBPF=%t", noBPF), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "endpoints.json")
			r := newFixture(t, Config{NoBPF: noBPF, Ports: rig.Ports(t, 3000), File: file})
			if r.table.Steered() == noBPF {
				t.Fatalf("steered: %t", r.table.Steered())
			}
			n := 2000
			if noBPF {
				n = 400 // each needs a descriptor
			}
			if os.Getenv("DAYTWO_VM") != "" {
				n = 300 // each that is added writes all of them to the file
			}
			ports := make([]uint16, n)
			for i := range ports {
				ports[i] = r.add(t, launch.Request{ContainerID: fmt.Sprint("box-", i)}).StatsdPort
			}
			s, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for i, p := range ports {
				if _, err := s.WriteTo(fmt.Append(nil, "x:", i, "|c"),
					&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(p)}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range ports {
				if info := r.who(t, fmt.Sprint("x:", i, "|c")); info.ContainerID != fmt.Sprint("box-", i) {
					t.Fatalf("packet %d is of %+v", i, info)
				}
			}
			if had, err := r.table.Remove("box-7"); !had || err != nil {
				t.Fatal(had, err)
			}
			c, err := net.Dial("udp", fmt.Sprint("127.0.0.1:", ports[7]))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Write([]byte("nobody"))
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("a port that was given back answers: %v", err)
			}
		})
	}
}

// Endpoints are the same after a restart. Containers that ended meanwhile have none.
func TestKernelEndpointsPersist(t *testing.T) {
	file := filepath.Join(t.TempDir(), "endpoints.json")
	config := Config{Ports: rig.Ports(t, 1000), File: file}
	first := config.Ports.First
	r := newFixture(t, config)
	path := fmt.Sprintf("/daytwo-test-origin-%d/gone", os.Getpid())
	dirs := makeCgroup(t, r.table, path)
	a := r.add(t, launch.Request{ContainerID: "a", Name: "first", Labels: map[string]string{"k": "v"}})
	b := r.add(t, launch.Request{ContainerID: "b", StatsdPort: first + 500})
	r.add(t, launch.Request{ContainerID: "gone", Cgroup: path})
	if again := r.add(t, launch.Request{ContainerID: "a"}); again.StatsdPort != a.StatsdPort || b.StatsdPort != first+500 {
		t.Errorf("asked again: %+v, before: %+v; b: %+v", again, a, b)
	}
	for _, want := range []uint16{first + 500, first, 80} {
		if c, err := r.table.Add(launch.Request{ContainerID: "c", StatsdPort: want}); err == nil {
			t.Errorf("port %d was given to c: %+v", want, c)
		}
	}
	r.in.Close()
	r.table.CloseAll()
	for _, d := range dirs {
		if err := unix.Rmdir(d); err != nil {
			t.Fatal(err)
		}
	}

	r = newFixture(t, config)
	all := r.table.Endpoints()
	if len(all) != 2 || all[0].StatsdPort != a.StatsdPort || all[0].Labels["k"] != "v" || all[1].StatsdPort != first+500 {
		t.Fatalf("after the restart: %+v", all)
	}
	sendTo(t, a.StatsdPort, "after")
	if info := r.who(t, "after"); info.ContainerID != "a" || info.Name != "first" {
		t.Errorf("the packet is of %+v", info)
	}
}

// Packets of a container with a network namespace of its own are received on its
// loopback.
func TestKernelNetns(t *testing.T) {
	r := newFixture(t, Config{})
	p := startSender(t, sending{Netns: true, Wait: true, Network: "udp", Address: fmt.Sprint("127.0.0.1:", r.first+1),
		Lines: []string{"far"}})
	// This is the namespace of the main thread.
	c := r.add(t, launch.Request{ContainerID: "apart", Netns: fmt.Sprintf("/proc/%d/ns/net", p.Process.Pid)})
	if c.StatsdPort != r.first+1 {
		t.Fatalf("port %d", c.StatsdPort)
	}
	p.in.Write([]byte{1})
	p.expect(t, "sent\n")
	if info := r.who(t, "far"); info.ContainerID != "apart" {
		t.Errorf("the packet is of %+v", info)
	}
	if _, err := r.table.Add(launch.Request{ContainerID: "x", Netns: "/etc/passwd"}); err == nil {
		t.Error("a file passed for a network namespace")
	}
}

// Senders to the shared port are identified by their cgroups, and by the container that
// the cgroups are in, however briefly they live.
func TestKernelSender(t *testing.T) {
	r := newFixture(t, Config{})
	if !r.table.SenderKnown() {
		t.Fatal("senders' cgroups are not known")
	}
	base := fmt.Sprintf("/daytwo-test-origin-%d", os.Getpid())
	for i, network := range []string{"udp4", "udp6", "unixgram"} {
		address := map[string]string{"udp4": fmt.Sprint("127.0.0.1:", r.udp.Port()),
			"udp6": fmt.Sprint("[::1]:", r.udp6.Port()), "unixgram": r.unix}[network]
		box, sub := fmt.Sprintf("%s/box%d", base, i), fmt.Sprintf("%s/box%d/init", base, i)
		boxDirs, subDirs := makeCgroup(t, r.table, box), makeCgroup(t, r.table, sub)
		check := func(data string, dirs []string, want Info) {
			t.Helper()
			p := startSender(t, sending{Cgroups: dirs, Network: network, Address: address, Lines: []string{data}})
			if got := r.who(t, data); got.ContainerID != want.ContainerID || got.Cgroup != want.Cgroup {
				t.Errorf("%s: the packet %q is of %+v, want %+v", network, data, got, want)
			}
			p.stop()
		}
		check(network+" before", subDirs, Info{Cgroup: sub})
		r.table.Containers([]Container{{ID: box, Cgroups: []string{box}}})
		check(network+" after", subDirs, Info{ContainerID: box, Cgroup: box})
		check(network+" itself", boxDirs, Info{ContainerID: box, Cgroup: box})
	}
}

// Ports are steered on IPv6 as on IPv4.
func TestKernelIPv6(t *testing.T) {
	r := newFixture(t, Config{Host: netip.MustParseAddr("::1")})
	if !r.table.Steered() {
		t.Fatal("ports are not steered")
	}
	c := r.add(t, launch.Request{ContainerID: "six"})
	conn, err := net.Dial("udp", net.JoinHostPort(c.StatsdHost, fmt.Sprint(c.StatsdPort)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("six"))
	if info := r.who(t, "six"); info.ContainerID != "six" {
		t.Errorf("the packet is of %+v", info)
	}
}

// A port that another program has bound is not steered.
func TestKernelBusyPort(t *testing.T) {
	r := newFixture(t, Config{})
	busy, err := net.ListenPacket("udp", fmt.Sprint("0.0.0.0:", r.first+1))
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	if c := r.add(t, launch.Request{ContainerID: "a"}); c.StatsdPort != r.first+2 {
		t.Errorf("port %d", c.StatsdPort)
	}
	if c, err := r.table.Add(launch.Request{ContainerID: "b", StatsdPort: r.first + 1}); err == nil {
		t.Errorf("b got %+v", c)
	}
	sendTo(t, r.first+1, "to the other program")
	busy.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, _, err := busy.ReadFrom(make([]byte, 100)); err != nil || n != len("to the other program") {
		t.Errorf("%d bytes (%v)", n, err)
	}
	if _, err := New(Config{NoBPF: true, Ports: launch.PortRange{First: 40000, Last: 50000}}); err == nil {
		t.Error("ports that the kernel gives to clients were taken")
	}
}
