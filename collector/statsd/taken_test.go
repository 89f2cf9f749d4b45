package statsd

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/metric"
	benchrig "github.com/daytwo/daytwo/bench/rig"
)

// A default address that another process has is left out with a warning. Any other is an
// error that names the process and what to do.
func TestTakenAddress(t *testing.T) {
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	taken := Listener{Network: "udp", Address: other.LocalAddr().String(), Optional: true}
	free := Listener{Network: "udp", Address: "127.0.0.1:0", Optional: true}
	var log strings.Builder
	who := fmt.Sprintf("process %d", os.Getpid())
	r := newRig(t, Options{NoBPF: true, Listen: []Listener{taken, free}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if s := log.String(); !strings.Contains(s, "level=ERROR") || !strings.Contains(s, who) ||
		!strings.Contains(s, "--statsd") {
		t.Errorf("the log: %s", s)
	}
	r.send("udp", fmt.Sprint("127.0.0.1:", r.in.Listeners()[0].Port()), "a:1|c")
	r.await(1)
	tab := r.Listeners()
	if len(tab.Rows) != 3 || tab.Rows[0].Label("reason") == "" || tab.Row(0)[metric.ListenerUp] != 0 ||
		tab.Row(0)[metric.ListenerPackets] != metric.Absent {
		t.Errorf("%d rows; %+v: %v", len(tab.Rows), tab.Rows[0], tab.Row(0))
	}
	if v := tab.Row(1); v[metric.ListenerUp] != 1 || v[metric.ListenerPackets] != 1 || v[metric.ListenerBuffer] < 1<<16 {
		t.Errorf("%+v: %v", tab.Rows[1], v)
	}
	self := make([]int64, metric.Width(metric.Collector))
	if r.Fill(self); self[metric.SelfStatsdAbsent] != 1 || self[metric.SelfStatsdPorts] != 1 {
		t.Errorf("%v", self)
	}

	r.reopen()
	tab = r.Listeners()
	if v := tab.Row(0); v[metric.ListenerUp] != 0 {
		t.Errorf("while somebody has it: %v", v)
	}
	defer func(at string) {
		other.Close()
		gen := r.Listeners().Gen
		r.reopen()
		r.send("udp", at, "a:1|c")
		r.await(2)
		if tab := r.Listeners(); tab.Gen == gen || tab.Row(0)[metric.ListenerUp] != 1 ||
			tab.Row(0)[metric.ListenerPackets] != 1 || tab.Rows[0].Label("reason") != "" {
			t.Errorf("once it is free: %+v %v", tab.Rows[0], tab.Row(0))
		}
	}(taken.Address)
	taken.Optional = false
	ports := benchrig.Ports(t, 100)
	_, err = New(Options{NoBPF: true, Listen: []Listener{taken}, Ports: ports, Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), who) ||
		!strings.Contains(err.Error(), "--statsd") {
		t.Errorf("asked for by name: %v", err)
	}
	// Nor does a second collector share this one's addresses.
	taken.Address = fmt.Sprint("127.0.0.1:", r.in.Listeners()[0].Port())
	if _, err := New(Options{NoBPF: true, Listen: []Listener{taken}, Ports: ports,
		Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("a second one: %v", err)
	}
}

func TestHolderOf(t *testing.T) {
	check := func(network, address, ask string, want bool) {
		t.Helper()
		c, err := net.ListenPacket(network, address)
		if err != nil {
			benchrig.KernelLacks(t, benchrig.IPv6, err)
		}
		defer c.Close()
		l := Listener{Network: "udp", Address: ask}
		if network == "unixgram" {
			l = Listener{Network: network, Address: address}
		} else {
			l.Address += fmt.Sprint(":", c.LocalAddr().(*net.UDPAddr).Port)
		}
		if h, ok := HolderOf(l); ok != want || ok && (h.PID != os.Getpid() || h.Name == "") {
			t.Errorf("%s %s, asked for %s: %+v, %v", network, address, l.Address, h, ok)
		}
	}
	check("udp4", "127.0.0.1:0", "127.0.0.1", true)
	check("udp4", "127.0.0.1:0", "0.0.0.0", true)
	check("udp4", "127.0.0.1:0", "127.0.0.2", false)
	check("udp4", "0.0.0.0:0", "127.0.0.1", true)
	check("udp6", "[::1]:0", "[::1]", true)
	check("udp6", "[::1]:0", "127.0.0.1", false)
	check("udp", "[::]:0", "127.0.0.1", true)
	check("unixgram", filepath.Join(t.TempDir(), "s"), "", true)
	if h, ok := HolderOf(Listener{Network: "unixgram", Address: "/nowhere"}); ok {
		t.Errorf("nobody: %+v", h)
	}
}

// If this variable is set, the test binary is a server under a service manager.
const serviceEnv = "DAYTWO_TEST_STATSD"

func TestMain(m *testing.M) {
	ports := os.Getenv(serviceEnv)
	if ports == "" {
		os.Exit(benchrig.Main(m))
	}
	o := Options{NoBPF: true, Listen: []Listener{{Network: "udp", Address: "127.0.0.1:0"}},
		Log: slog.New(slog.DiscardHandler)}
	o.Ports, _ = launch.ParsePortRange(ports)
	s, err := New(o)
	fmt.Println("serving", err)
	os.Stdin.Read(make([]byte, 1))
	if s != nil {
		s.Close()
	}
	os.Exit(0)
}

// closeRights closes the descriptors that came with a message.
func closeRights(oob []byte) {
	messages, _ := unix.ParseSocketControlMessage(oob)
	for i := range messages {
		fds, _ := unix.ParseUnixRights(&messages[i])
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
}

// A socket that came back, but that no option asks for, is closed and removed from the
// store as soon as the server serves.
func TestStaleDescriptor(t *testing.T) {
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: filepath.Join(t.TempDir(), "n")})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	stale, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer stale.Close()
	f, err := stale.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	target, err := os.Readlink(fmt.Sprint("/proc/self/fd/", f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec /proc/`+fmt.Sprint(os.Getpid())+`/exe`)
	cmd.Env = append(os.Environ(), serviceEnv+"="+benchrig.Ports(t, 100).String(),
		"NOTIFY_SOCKET="+notify.LocalAddr().String(), "LISTEN_FDS=1", "LISTEN_FDNAMES=statsd-udp-stale")
	cmd.ExtraFiles = []*os.File{f}
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	b := make([]byte, 4096)
	if n, _ := out.Read(b); string(b[:n]) != "serving <nil>\n" {
		t.Fatalf("the server says %q", b[:n])
	}
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", cmd.Process.Pid))
	for _, fd := range fds {
		if at, _ := os.Readlink(fd); at == target {
			t.Errorf("%s is the stale socket still", fd)
		}
	}
	notify.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		oob := make([]byte, 4096)
		n, k, _, _, err := notify.ReadMsgUnix(b, oob)
		if err != nil {
			t.Fatalf("the manager is not told to forget it: %v", err)
		}
		closeRights(oob[:k])
		if s := string(b[:n]); strings.Contains(s, "FDSTOREREMOVE=1") && strings.Contains(s, "statsd-udp-stale") {
			return
		}
	}
}
