package embedded

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/nats-io/nats.go/jetstream"
)

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
	rig.InNamespaces(t, rig.Mount, fullDisk)
}

func fullDisk(t *testing.T) {
	dir := t.TempDir()
	rig.SmallDisk(t, dir, "8m")
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
				"still refused with room on the disk: %v; %d outages, ready: %v\n%s",
				err,
				s.Outages(),
				s.Ready(),
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
