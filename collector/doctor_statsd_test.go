package collector

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/statsd"
)

// The doctor distinguishes a free address, an address of the running collector, and an
// address that another process uses. It disturbs neither process.
func TestDoctorOnStatsd(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	address := udp.LocalAddr().String()
	dir := t.TempDir()
	ports := rig.Ports(t, 100)
	first, last := ports.First, ports.Last
	cfg := Config{DataDir: dir, NoPublish: true, NoBPF: true, Socket: filepath.Join(dir, "s"),
		Statsd: Statsd{Listen: []string{address, "unixgram://" + dir + "/gram"}, Ports: ports},
		Log:    slog.New(slog.DiscardHandler)}
	check := func(name string, state health.State, detail string) {
		t.Helper()
		running, socket := launch.Doctor(cfg.Socket)
		checks := append(statsd.Doctor(cfg.Statsd.Listen, cfg.Statsd.Optional, statsdOptions(&cfg), running), socket)
		found := 0
		for _, c := range checks {
			if c.Name != name || !strings.Contains(c.Detail, detail) {
				continue
			}
			found++
			if c.State != state || state != health.OK && c.Fix == "" {
				t.Errorf("%+v, want %s", c, state)
			}
		}
		if found != 1 {
			t.Errorf("%d checks of %s with %q: %+v", found, name, detail, checks)
		}
	}
	us := fmt.Sprintf("process %d", os.Getpid())
	check("statsd udp://"+address, health.Fail, us)
	udp.Close()
	check("statsd udp://"+address, health.OK, "free")
	check("statsd unixgram://"+dir+"/gram", health.OK, "free")
	check("launch socket", health.OK, "is free")
	check("statsd ports", health.OK, fmt.Sprintf("%d to %d", first, last))
	check("statsd receive buffer", health.OK, "MiB")
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}

	n, err := New(cfg) // succeeds only if the doctor has left the addresses free
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(context.Background())
	for range 2 {
		check("statsd udp://"+address, health.OK, "the collector that runs")
		check("statsd unixgram://"+dir+"/gram", health.OK, "the collector that runs")
		check("launch socket", health.OK, "a collector runs, "+us)
		check("statsd ports", health.OK, "the collector that runs")
	}
	if _, err := launch.NewClient(cfg.Socket).Add(t.Context(), launch.Request{ContainerID: "a"}); err != nil {
		t.Errorf("the collector was disturbed: %v", err)
	}
	socket := cfg.Socket // another configuration than the running collector's
	cfg.Socket = filepath.Join(dir, "other")
	check("statsd collectors", health.OK, fmt.Sprintf("%d to %d (%s", first, last, us))
	check("statsd udp://"+address, health.Fail, us)
	check("statsd ports", health.Fail, us)
	cfg.Socket = socket
	cfg.Statsd.Ports = launch.PortRange{First: first + 10, Last: last + 10}
	check("statsd ports", health.Fail, us)
	cfg.Statsd.Ports = launch.PortRange{First: 40000, Last: 41000}
	check("statsd ports", health.Fail, "ip_local_port_range")
	cfg.Statsd.Listen, cfg.Socket = []string{"203.0.113.1:8125", "nonsense"}, dir
	check("statsd udp://203.0.113.1:8125", health.Fail, "")
	check("statsd nonsense", health.Fail, "nonsense")
	check("launch socket", health.Fail, "")
	cfg.Statsd.Listen = nil
	check("statsd", health.OK, "not in use")
}
