package collector

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/ready"
)

func TestProgress(t *testing.T) {
	var p progress
	f := func(now time.Duration, want string) {
		t.Helper()
		err := p.check(10*time.Second, now)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("at %v: %v, want %q", now, err, want)
		}
	}
	f(0, "first tick is not complete")
	f(time.Hour, "first tick is not complete")
	p.completed(0)
	f(0, "")
	f(20*time.Second+overdue, "")
	f(21*time.Second+overdue, "no tick has been completed for 36s")
	p.completed(time.Hour)
	f(time.Hour, "")
}

// The service manager receives READY=1 after the first tick, and WATCHDOG=1 repeatedly
// from then on. WATCHDOG=1 stops while a tick hangs, and resumes when a tick completes.
func TestWatchdogNeedsTicks(t *testing.T) {
	was := overdue
	overdue = 300 * time.Millisecond
	defer func() { overdue = was }()
	dir := t.TempDir()
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: filepath.Join(dir, "notify")})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", filepath.Join(dir, "notify"))
	t.Setenv("WATCHDOG_USEC", "200000")
	heard := func(d time.Duration) (lines []string) {
		t.Helper()
		manager.SetReadDeadline(time.Now().Add(d))
		b := make([]byte, 4096)
		for {
			n, err := manager.Read(b)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return lines
			}
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, strings.Split(string(b[:n]), "\n")...)
		}
	}
	await := func(want string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !slices.Contains(heard(100*time.Millisecond), want); {
			if time.Now().After(end) {
				t.Fatalf("no %s", want)
			}
		}
	}

	n, err := New(Config{DataDir: dir, NoPublish: true, NoBPF: true, Interval: 100 * time.Millisecond,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	notified, ran := make(chan struct{}), make(chan error, 1)
	go func() { ready.Notify(ctx, n.cfg.Ready, n.log); close(notified) }()
	if lines := heard(500 * time.Millisecond); slices.Contains(lines, "READY=1") {
		t.Errorf("ready without a tick: %q", lines)
	}
	go func() { ran <- n.Serve(ctx) }()
	await("READY=1")
	await("WATCHDOG=1")

	release, held := make(chan struct{}), make(chan struct{})
	go n.local.View(n.cfg.AgentID, func(*frame.Batch) { close(held); <-release }) // blocks the next tick
	<-held
	time.Sleep(2*n.cfg.Interval + overdue + 200*time.Millisecond)
	heard(200 * time.Millisecond)
	if lines := heard(time.Second); slices.Contains(lines, "WATCHDOG=1") {
		t.Errorf("a tick hangs: %q", lines)
	}
	if text := ready.Text(n.cfg.Ready.Waiting()); !strings.Contains(text, "ticks: no tick has been completed for") {
		t.Errorf("a tick hangs: waiting for %q", text)
	}
	close(release)
	await("WATCHDOG=1")
	cancel()
	await("STOPPING=1")
	<-notified
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
