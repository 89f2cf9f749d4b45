package e2e

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// notified is the service manager's end of NOTIFY_SOCKET.
type notified struct {
	conn *net.UnixConn
	env  []string // for the service
}

func newNotified(t *testing.T) *notified {
	t.Helper()
	dir, err := os.MkdirTemp("", "n")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &notified{conn, []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=1000000"}}
}

// await returns what came until a line came.
func (n *notified) await(t *testing.T, line string, within time.Duration) (lines []string) {
	t.Helper()
	n.conn.SetReadDeadline(time.Now().Add(within))
	b := make([]byte, 64<<10)
	for !slices.Contains(lines, line) {
		size, err := n.conn.Read(b)
		if err != nil {
			t.Fatalf("no %s: %v; %q", line, err, lines)
		}
		lines = append(lines, strings.Split(string(b[:size]), "\n")...)
	}
	return lines
}

// Each program tells the service manager when it is ready, that it works, and that
// it ends.
func TestNotify(t *testing.T) {
	t.Parallel()
	for _, o := range []rig.Options{
		{Program: "up"},
		{Program: "collector", Args: []string{"--nats", "none", "--no-bpf"}},
	} {
		t.Run(o.Program, func(t *testing.T) {
			t.Parallel()
			n := newNotified(t)
			o.Env = n.env
			d := rig.Start(t, o)
			before := n.await(t, "READY=1", rig.Ready)
			if _, err := d.Node.Get("/readyz"); err != nil {
				t.Errorf("READY=1 and %v", err)
			}
			works(t, d)
			if !slices.ContainsFunc(before, func(l string) bool { return strings.HasPrefix(l, "STATUS=not ready: ") }) {
				t.Errorf("before READY=1: %q", before)
			}
			for range 3 {
				n.await(t, "WATCHDOG=1", 5*time.Second)
			}
			d.Stop(t)
			n.await(t, "STOPPING=1", 5*time.Second)
		})
	}
}

// A relay is started once frames can come.
func TestNotifyOfARelay(t *testing.T) {
	t.Parallel()
	c, n := newCluster(t), newNotified(t)
	d := rig.Start(t, rig.Options{Program: "relay", Args: []string{"--nats", "nats://" + c.nats}, Env: n.env})
	n.await(t, "STATUS=not ready: frames: nats is RECONNECTING", rig.Ready)
	n.conn.SetReadDeadline(time.Now().Add(time.Second))
	b := make([]byte, 64<<10)
	for {
		size, err := n.conn.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil || strings.Contains(string(b[:size]), "READY=1") {
			t.Fatalf("without NATS: %q, %v", b[:size], err)
		}
	}
	c.startNATS(t)
	n.await(t, "READY=1", rig.Ready)
	d.Stop(t)
	n.await(t, "STOPPING=1", 5*time.Second)
}
