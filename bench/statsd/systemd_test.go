package statsd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// As a service of systemd with the settings of our unit, the collector loses nothing
// that is sent while it is killed and restarted: to the shared port, to a unix socket,
// and to the ports of containers, steered or not. Descriptors that its configuration
// no longer needs are not kept.
func TestServiceRestart(t *testing.T) {
	m := rig.Systemd(t)
	for _, mode := range []string{"", " --no-bpf"} {
		t.Run("with"+mode, func(t *testing.T) {
			shared, metrics, dir := rig.FreePort(t), rig.FreePort(t), socketDir(t)
			node := rig.API{URL: "http://" + metrics}
			data, unit := t.TempDir(), "collector.service"
			command := func(statsd string) string {
				return fmt.Sprintf("ExecStart=%s collector --nats none --metrics %s --statsd %s --data %s %s%s --interval 200ms",
					rig.Binary(t), metrics, statsd, data, rig.PortsFlag(t, 300), mode)
			}
			lines := append(settings(t), "StandardError=append:"+data+"/log")
			first := command(shared + ",unixgram://" + dir + "/s")
			m.Service(t, unit, append(lines, first)...)
			t.Cleanup(func() {
				m.Ctl("stop", unit)
				if log, _ := os.ReadFile(data + "/log"); t.Failed() {
					t.Logf("the collector:\n%s", log)
				}
			})
			alive := func() {
				t.Helper()
				rig.Eventually(t, 30*time.Second, func() error { _, err := node.Get("/metrics"); return err })
			}
			alive()
			api := launch.NewClient(filepath.Join(data, launch.SocketName))
			var ports []string
			for i := range 50 {
				c, err := api.Add(t.Context(), launch.Request{ContainerID: fmt.Sprint("container-", i)})
				if err != nil {
					t.Fatal(err)
				}
				ports = append(ports, net.JoinHostPort(c.StatsdHost, fmt.Sprint(c.StatsdPort)))
			}
			for round, signal := range []string{"KILL", "TERM", "KILL"} {
				before := m.Show(t, unit, "NRestarts")
				if _, err := m.Ctl("kill", "--signal="+signal, unit); err != nil {
					t.Fatal(err)
				}
				rig.Eventually(t, 10*time.Second, func() error {
					if pid := m.Show(t, unit, "MainPID"); pid != "0" {
						return fmt.Errorf("process %s is there", pid)
					}
					return nil
				})
				name := fmt.Sprintf("down%d", round)
				for _, at := range append([]string{shared}, ports...) {
					send(t, "udp", at, name+":1|c")
				}
				send(t, "unixgram", dir+"/s", name+":1|c")
				alive()
				if now := m.Show(t, unit, "NRestarts"); now == before {
					t.Fatalf("%s restarts, as before", now)
				}
				rig.Eventually(t, 10*time.Second, func() error {
					b, err := node.Get("/metrics")
					if err != nil {
						return err
					}
					sum := 0.0
					for line := range strings.Lines(string(b)) {
						var v float64
						if f := strings.Fields(line); len(f) == 2 && (f[0] == name || strings.HasPrefix(f[0], name+"{")) {
							fmt.Sscan(f[1], &v)
							sum += v
						}
					}
					if sum != float64(len(ports)+2) {
						return fmt.Errorf("of %d packets %v came", len(ports)+2, sum)
					}
					return nil
				})
			}
			kept := m.Show(t, unit, "NFileDescriptorStore")
			want := 2 + 2 // shared, unix; the steered socket and its steering
			if mode != "" {
				want = 2 + len(ports)
			}
			if kept != fmt.Sprint(want) {
				t.Errorf("systemd keeps %s descriptors, want %d", kept, want)
			}
			m.Service(t, unit, append(lines, command(rig.FreePort(t)))...)
			alive()
			rig.Eventually(t, 5*time.Second, func() error {
				want := 3
				if mode != "" {
					want = 1 // the containers' ports are in another range
				}
				if kept := m.Show(t, unit, "NFileDescriptorStore"); kept != fmt.Sprint(want) {
					return fmt.Errorf("of another configuration systemd keeps %s descriptors, want %d", kept, want)
				}
				return nil
			})
		})
	}
}

// systemd takes the service for started once it is ready, not before, and starts it
// again when it no longer tells the watchdog that it works.
func TestServiceWatchdog(t *testing.T) {
	m := rig.Systemd(t)
	node := rig.API{URL: "http://" + rig.FreePort(t)}
	data, unit := t.TempDir(), "watched.service"
	command := fmt.Sprintf(
		"ExecStart=%s collector --nats none --no-bpf --metrics %s --statsd %s --data %s %s --interval 200ms",
		rig.Binary(t), strings.TrimPrefix(node.URL, "http://"), rig.FreePort(t), data, rig.PortsFlag(t, 300))
	// A process that stands still does not end by itself either.
	lines := append(settings(t), "WatchdogSec=2", "TimeoutAbortSec=1", "StandardError=append:"+data+"/log", command)
	m.Service(t, unit, lines...)
	t.Cleanup(func() {
		m.Ctl("stop", unit)
		if log, _ := os.ReadFile(data + "/log"); t.Failed() {
			t.Logf("the collector:\n%s", log)
		}
	})
	if _, err := node.Get("/readyz"); err != nil {
		t.Errorf("systemd says that it is started: %v", err)
	}
	rig.Eventually(t, 10*time.Second, func() error {
		if text := m.Show(t, unit, "StatusText"); text != "ready" {
			return fmt.Errorf("status %q", text)
		}
		return nil
	})
	time.Sleep(3 * time.Second) // longer than the watchdog allows
	if n := m.Show(t, unit, "NRestarts"); n != "0" {
		t.Fatalf("%s restarts of a service that works", n)
	}
	if _, err := m.Ctl("kill", "--signal=STOP", unit); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, 30*time.Second, func() error {
		if n := m.Show(t, unit, "NRestarts"); n == "0" {
			return errors.New("a service that stands still is not started again")
		}
		if state := m.Show(t, unit, "ActiveState"); state != "active" {
			return fmt.Errorf("it is %s", state)
		}
		_, err := node.Get("/readyz")
		return err
	})
}

// settings returns the lines of our unit about restarts and the descriptor store.
func settings(t *testing.T) (lines []string) {
	t.Helper()
	b, err := os.ReadFile("../../deploy/systemd/daytwo-collector.service")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		key, _, _ := strings.Cut(line, "=")
		switch key {
		case "Type", "Restart", "RestartSec", "FileDescriptorStoreMax", "NotifyAccess", "TimeoutStartSec", "WatchdogSec":
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) != 7 {
		t.Fatalf("the unit has %q", lines)
	}
	return lines
}
