package origin

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// keeper holds duplicates of descriptors, as a service manager does.
type keeper struct {
	kept map[string][]int
	came map[string][]int // duplicates of those that a process was started with
}

// start simulates a new process.
func (k *keeper) start(t *testing.T) {
	t.Helper()
	k.came = map[string][]int{}
	for name, fds := range k.kept {
		for _, fd := range fds {
			k.came[name] = append(k.came[name], dup(t, fd))
		}
	}
}

func dup(t *testing.T, fd int) int {
	t.Helper()
	d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (k *keeper) Put(name string, fds ...int) error {
	for _, fd := range fds {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return err
		}
		if k.kept == nil {
			k.kept = map[string][]int{}
		}
		k.kept[name] = append(k.kept[name], dup)
	}
	return nil
}

func (k *keeper) Take(name string) []int {
	fds := k.came[name]
	delete(k.came, name)
	return fds
}

func (k *keeper) Names() []string { return slices.Sorted(maps.Keys(k.came)) }

func (k *keeper) Remove(name string) error {
	for _, fd := range k.kept[name] {
		unix.Close(fd)
	}
	delete(k.kept, name)
	return nil
}

// While no collector runs, packets to containers' ports are queued at the socket that
// the service manager holds.
func TestKernelSteeringSurvives(t *testing.T) {
	rig.NeedRoot(t, "a BPF program")
	ports := rig.Ports(t, 1000)
	first := ports.First
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), first)
	sock, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	raw, _ := sock.SyscallConn()
	store := &keeper{}
	c := Config{Ports: ports, File: filepath.Join(t.TempDir(), "e.json"), Store: store,
		Socket: func(netip.AddrPort) (fd int, err error) {
			raw.Control(func(f uintptr) { fd = int(f) })
			return fd, nil
		}}
	heard := func(want ...string) {
		t.Helper()
		var got []string
		b := make([]byte, 100)
		for {
			sock.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			n, err := sock.Read(b)
			if err != nil {
				break
			}
			got = append(got, string(b[:n]))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	var port uint16
	for i := range 3 {
		store.start(t)
		tab, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		if !tab.Steered() {
			t.Fatal("ports are not steered")
		}
		e, err := tab.Add(launch.Request{ContainerID: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if port = e.StatsdPort; port != first+1 {
			t.Errorf("port %d", port)
		}
		sendTo(t, port, fmt.Sprint("during ", i))
		tab.CloseAll()
		sendTo(t, port, fmt.Sprint("between ", i))
		heard(fmt.Sprint("during ", i), fmt.Sprint("between ", i))
		if len(store.kept) != 1 || len(store.came) != 0 {
			t.Errorf("kept: %v", store)
		}
	}
	for name := range store.kept {
		store.Remove(name)
	}
	conn, err := net.Dial("udp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("nobody"))
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("the port still leads somewhere: %v", err)
	}
}

// A sender behind a veth pair, as in a container with a network of its own, is also
// identified by its cgroup.
func TestSenderVeth(t *testing.T) {
	r := newFixture(t, Config{})
	path := fmt.Sprintf("/daytwo-test-origin-%d/veth", os.Getpid())
	dirs := makeCgroup(t, r.table, path)
	p := startSender(t, sending{Cgroups: dirs, Netns: true, Wait: true, Network: "udp",
		Address: fmt.Sprint("10.213.77.1:", r.udp.Port()), Lines: []string{"veth"}})
	name := fmt.Sprint("d2t", os.Getpid()%1000000)
	pid := fmt.Sprint(p.Process.Pid)
	t.Cleanup(func() { exec.Command("ip", "link", "del", name).Run() }) // already gone if the namespace ended first
	rig.IP(t, "link add "+name+" type veth peer name eth0 netns "+pid)
	rig.IP(t, "addr add 10.213.77.1/30 dev "+name)
	rig.IP(t, "link set "+name+" up")
	inside := rig.NetnsOf(t, p.Process.Pid)
	inside.IP(t, "addr add 10.213.77.2/30 dev eth0")
	inside.IP(t, "link set eth0 up")
	p.in.Write([]byte{1})
	p.expect(t, "sent\n")
	if info := r.who(t, "veth"); info.Cgroup != path {
		t.Errorf("the packet is of %+v, want %s", info, path)
	}
}
