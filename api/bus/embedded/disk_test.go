package embedded

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"
)

// inMountNamespace runs the calling test again in a process with a mount
// namespace of its own, and tells whether this is that process.
func inMountNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("DAYTWO_TEST_CHILD") == t.Name() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), "DAYTWO_TEST_CHILD="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if os.IsPermission(err) {
		rig.Missing(t, "root", "a mount namespace needs it: "+err.Error(), "run the tests as root")
	}
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("in its own mount namespace: %v", err)
	}
	return false
}

// logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A full disk makes publishing fail with an error, not the server; when there
// is room again it goes on by itself.
func TestFullDisk(t *testing.T) {
	if !inMountNamespace(t) {
		return
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	var log logBuffer
	s, err := Start(Options{StoreDir: filepath.Join(dir, "nats"), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nc := connect(t, bus.ConnectOptions{InProcess: s})
	stream := streamOf(t, nc, bus.Config{Cluster: "c", MaxBytes: 4 << 20})
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	publish := func() error {
		_, err := js.Publish(t.Context(), bus.Frames("c", "n", 1), make([]byte, 64<<10), jetstream.WithRetryAttempts(1))
		return err
	}
	if err := publish(); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 16<<20), 0o600); err == nil {
		t.Fatal("the disk is larger than it should be")
	}
	failed, stored := false, uint64(1)
	for range 100 {
		if err := publish(); err != nil {
			t.Log("refused with:", err)
			failed = true
			break
		}
		stored++
	}
	if !failed {
		t.Fatal("a full disk takes everything")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for err = publish(); err != nil; err = publish() {
		if time.Now().After(deadline) {
			t.Fatalf(
				"still refused with room on the disk: %v; %d outages, healthy %v\n%s",
				err,
				s.Outages(),
				s.Healthy(),
				log.String(),
			)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%d outages; log:\n%s", s.Outages(), log.String())
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.State.Msgs <= stored {
		t.Errorf("%d messages are left of the %d that were stored and one after", info.State.Msgs, stored)
	}
	if log.String() == "" {
		t.Error("nothing was logged")
	}
}
