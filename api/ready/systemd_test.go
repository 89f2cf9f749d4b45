package ready

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// manager is a service manager's end of NOTIFY_SOCKET.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func newManager(t *testing.T, watchdog time.Duration) *manager {
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
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_PID", "")
	os.Unsetenv("WATCHDOG_PID")
	t.Setenv("WATCHDOG_USEC", "")
	os.Unsetenv("WATCHDOG_USEC")
	if watchdog > 0 {
		t.Setenv("WATCHDOG_USEC", "1000000")
	}
	return &manager{t, conn}
}

// heard returns the lines of all messages that come in a time.
func (m *manager) heard(d time.Duration) (lines []string) {
	m.t.Helper()
	m.conn.SetReadDeadline(time.Now().Add(d))
	b := make([]byte, 4096)
	for {
		n, err := m.conn.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return lines
		}
		if err != nil {
			m.t.Fatal(err)
		}
		lines = append(lines, strings.Split(string(b[:n]), "\n")...)
	}
}

func notify(t *testing.T, p *Parts) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Notify(ctx, p, slog.New(slog.DiscardHandler))
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

func TestNotify(t *testing.T) {
	m := newManager(t, time.Second)
	var p Parts
	var hangs atomic.Bool
	p.Expect("ticks", "statsd")
	stop := notify(t, &p)
	lines := m.heard(700 * time.Millisecond)
	const both = "STATUS=not ready: ticks: it is starting; statsd: it is starting"
	if slices.Contains(lines, "READY=1") || !slices.Contains(lines, both) {
		t.Errorf("before it is ready: %q", lines)
	}
	p.AddVital("ticks", func() error {
		if hangs.Load() {
			return errors.New("a tick hangs")
		}
		return nil
	})
	lines = m.heard(700 * time.Millisecond)
	if slices.Contains(lines, "READY=1") || !slices.Contains(lines, "STATUS=not ready: statsd: it is starting") {
		t.Errorf("one part is ready: %q", lines)
	}
	p.Up("statsd")
	lines = m.heard(2200 * time.Millisecond)
	pings := 0
	for _, l := range lines {
		if l == "WATCHDOG=1" {
			pings++
		}
	}
	if !slices.Contains(lines, "READY=1") || !slices.Contains(lines, "STATUS=ready") || pings < 3 {
		t.Errorf("ready: %q", lines)
	}
	hangs.Store(true)
	m.heard(200 * time.Millisecond) // on its way already
	if lines = m.heard(1500 * time.Millisecond); slices.Contains(lines, "WATCHDOG=1") {
		t.Errorf("a tick hangs: %q", lines)
	}
	hangs.Store(false)
	lines = m.heard(1500 * time.Millisecond)
	if !slices.Contains(lines, "WATCHDOG=1") || slices.Contains(lines, "READY=1") {
		t.Errorf("ticks again: %q", lines)
	}
	stop()
	if lines = m.heard(100 * time.Millisecond); !slices.Contains(lines, "STOPPING=1") {
		t.Errorf("at the end: %q", lines)
	}
}

// A process of which no part is known yet is not ready.
func TestNotifyBeforeThereAreParts(t *testing.T) {
	m := newManager(t, 0)
	notify(t, new(Parts))
	lines := m.heard(300 * time.Millisecond)
	if !slices.Equal(lines, []string{"STATUS=not ready: process: it is starting"}) {
		t.Errorf("%q", lines)
	}
}

// A part that is not vital never keeps the watchdog waiting, and without a watchdog
// nothing is told to it.
func TestNotifyWithoutWatchdog(t *testing.T) {
	m := newManager(t, 0)
	var p Parts
	var away atomic.Bool
	p.Add("nats", func() error {
		if away.Load() {
			return errors.New("away\nREADY=1")
		}
		return nil
	})
	notify(t, &p)
	lines := m.heard(300 * time.Millisecond)
	if !slices.Equal(lines, []string{"READY=1", "STATUS=ready"}) {
		t.Errorf("%q", lines)
	}
	away.Store(true)
	lines = m.heard(1500 * time.Millisecond)
	if !slices.Equal(lines, []string{"STATUS=not ready: nats: away READY=1"}) {
		t.Errorf("%q", lines)
	}
}

func TestNobodyIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	ended := make(chan struct{})
	go func() { Notify(t.Context(), new(Parts), nil); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it waits for nobody")
	}
}
