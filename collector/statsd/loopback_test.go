package statsd

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/setting"
	benchrig "github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// inNetns runs the calling test again, in a process in a new network namespace.
func inNetns(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	benchrig.InNamespaces(t, benchrig.Network, func(t *testing.T) {
		if err := benchrig.LoopbackUp(); err != nil {
			t.Fatal(err)
		}
		f(t)
	})
}

// serveDefaults returns a server with the default listeners, in this thread's network
// namespace.
func serveDefaults(t *testing.T, log *strings.Builder) *rig {
	t.Helper()
	s, err := New(Options{NoBPF: true, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &rig{Server: s, t: t, parent: func(origin.Info) uint64 { return 0 }}
}

// Packets to "localhost", to either loopback address, or to a name that a client
// resolves arrive. On Debian, the first address of localhost is ::1.
func TestBothLoopbacks(t *testing.T) {
	inNetns(t, func(t *testing.T) {
		if c, err := net.ListenPacket("udp", "[::1]:0"); err != nil {
			benchrig.KernelLacks(t, benchrig.IPv6, err)
		} else {
			c.Close()
		}
		var log strings.Builder
		r := serveDefaults(t, &log)
		for i, at := range []string{"127.0.0.1:8125", "[::1]:8125", "127.0.0.1:61825", "[::1]:61825"} {
			if c, err := net.Dial("udp", at); err != nil {
				t.Error(err)
			} else {
				fmt.Fprintf(c, "to%d:1|c", i)
				c.Close()
			}
		}
		// As clients do: try every address of the name, and use the first one that
		// works.
		script := `import socket
for port in (8125, 61825):
    for family, kind, proto, _, to in socket.getaddrinfo("localhost", port, 0, socket.SOCK_DGRAM):
        socket.socket(family, kind, proto).sendto(b"python:1|c", to)
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"python6:1|c", ("::1", port))
print(len(socket.getaddrinfo("localhost", 8125, 0, socket.SOCK_DGRAM)))`
		out, err := exec.Command("python3", "-c", script).CombinedOutput()
		if err != nil {
			t.Fatalf("python3: %v: %s", err, out)
		}
		addresses := 1
		fmt.Sscan(string(out), &addresses)
		app, _ := r.await(int64(4 + 2*addresses + 2))
		for i := range 4 {
			if v := value(t, app, fmt.Sprint("to", i), "c"); v != 1 {
				t.Errorf("to%d: %v", i, v)
			}
		}
		if v := value(t, app, "python6", "c"); v != 2 {
			t.Errorf("sent to ::1 by python: %v", v)
		}
		if s := log.String(); strings.Contains(s, "WARN") || strings.Contains(s, "ERROR") {
			t.Error(s)
		}
	})
}

// Without IPv6 nothing can be sent to ::1, so that listener is not missing. Once there
// is IPv6, the address is opened.
func TestNoIPv6(t *testing.T) {
	inNetns(t, func(t *testing.T) {
		var log strings.Builder
		off := func(value string) {
			if err := os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte(value), 0); err != nil {
				t.Fatal(err)
			}
		}
		off("1")
		r := serveDefaults(t, &log)
		names := func() (all []string) {
			for _, row := range r.Listeners().Rows {
				all = append(all, row.Key)
			}
			return all
		}
		if got := fmt.Sprint(names()); got != "[udp://127.0.0.1:8125 udp://127.0.0.1:61825 ports]" {
			t.Errorf("listeners: %s", got)
		}
		for _, c := range Doctor(setting.StatsdListen(), true, Options{NoBPF: true, Log: slog.New(slog.DiscardHandler)}, 0) {
			if strings.Contains(c.Name, "::1") && (c.State != health.OK || !strings.Contains(c.Detail, "IPv6")) {
				t.Errorf("doctor: %+v", c)
			}
		}
		self := make([]int64, metric.Width(metric.Collector))
		if r.Fill(self); self[metric.SelfStatsdAbsent] != 0 {
			t.Errorf("%d addresses are missing", self[metric.SelfStatsdAbsent])
		}
		r.reopen() // nothing has changed
		if s := log.String(); strings.Contains(s, "IPv6") || strings.Contains(s, "::1") {
			t.Errorf("the log: %s", s)
		}
		off("0")
		for end := time.Now().Add(5 * time.Second); len(names()) < 5 &&
			time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			r.reopen() // the address is new and can only be bound a moment later
		}
		if got := fmt.Sprint(names()); got != "[udp://127.0.0.1:8125 udp://127.0.0.1:61825 udp://[::1]:8125 "+
			"udp://[::1]:61825 ports]" {
			t.Errorf("listeners once there is IPv6: %s", got)
		}
		if c, err := net.Dial("udp", "[::1]:8125"); err != nil {
			t.Error(err)
		} else {
			c.Write([]byte("a:1|c"))
			c.Close()
			r.await(1)
		}
	})
}

// If another process has the IPv6 loopback address, it is left out with a warning, like
// any other address.
func TestTakenIPv6(t *testing.T) {
	inNetns(t, func(t *testing.T) {
		var log strings.Builder
		other, err := net.ListenPacket("udp", "[::1]:8125")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if r := serveDefaults(t, &log); r.absent() != 1 {
			t.Errorf("%d addresses are missing", r.absent())
		}
		who := fmt.Sprintf("process %d", os.Getpid())
		if s := log.String(); strings.Count(s, "level=ERROR") != 1 || !strings.Contains(s, "[::1]:8125") ||
			!strings.Contains(s, who) {
			t.Error(s)
		}
	})
}
