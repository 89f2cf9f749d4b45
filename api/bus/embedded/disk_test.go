package embedded

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/bench/rig"
)

// On a full disk, publishing fails with an error and the server keeps running. It stores
// messages again by itself once the disk has free space.
func TestFullDisk(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, fullDisk)
}

func fullDisk(t *testing.T) {
	dir := t.TempDir()
	rig.SmallDisk(t, dir, "8m")
	var log rig.Buffer
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
	for end := time.Now().Add(20 * time.Second); s.Ready() == nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("ready although nothing is stored")
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for err = publish(); err != nil; err = publish() {
		if time.Now().After(deadline) {
			t.Fatalf(
				"still refused with free space on the disk: %v; ready: %v\n%s",
				err,
				s.Ready(),
				log.String(),
			)
		}
		time.Sleep(100 * time.Millisecond)
	}

	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.State.Msgs <= stored {
		t.Errorf("%d messages are left of the %d that were stored and one after", info.State.Msgs, stored)
	}
	for end := time.Now().Add(20 * time.Second); s.Ready() != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not ready again: %v", s.Ready())
		}
	}
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("no error was logged:\n%s", log.String())
	}
}

// On a small disk there is room for all streams, whichever is created first, and a stream
// keeps its size when a relay is started again.
func TestStreamsOnSmallDisk(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, streamsOnSmallDisk)
}

func streamsOnSmallDisk(t *testing.T) {
	ensure := map[string]func(*testing.T, jetstream.JetStream) (jetstream.Stream, error){
		"frames": func(t *testing.T, js jetstream.JetStream) (jetstream.Stream, error) {
			return bus.EnsureStream(t.Context(), js, bus.Config{Cluster: "c"})
		},
		"logs": func(t *testing.T, js jetstream.JetStream) (jetstream.Stream, error) {
			return bus.EnsureLogsStream(t.Context(), js, bus.Config{Cluster: "c", MaxBytes: 16 << 20})
		},
		"audit": func(t *testing.T, js jetstream.JetStream) (jetstream.Stream, error) {
			return bus.EnsureAuditStream(t.Context(), js, bus.Config{Cluster: "c"})
		},
	}
	for _, order := range []string{"frames logs audit", "frames audit logs", "logs frames audit",
		"logs audit frames", "audit frames logs", "audit logs frames", "frames & logs & audit & frames"} {
		t.Run(order, func(t *testing.T) {
			dir := t.TempDir()
			rig.SmallDisk(t, dir, "64m")
			s, err := Start(Options{StoreDir: filepath.Join(dir, "nats")})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			js, err := jetstream.New(connect(t, bus.ConnectOptions{InProcess: s}))
			if err != nil {
				t.Fatal(err)
			}
			sizes := map[string]int64{}
			for round := range 3 {
				var all sync.WaitGroup
				for name := range strings.FieldsSeq(order) {
					if name == "&" { // the next one is created at the same time
						continue
					}
					all.Go(func() {
						if _, err := ensure[name](t, js); err != nil {
							t.Errorf("round %d, %s: %v", round, name, err)
						}
					})
					if !strings.Contains(order, "&") {
						all.Wait()
					}
				}
				all.Wait()
				for s := range js.ListStreams(t.Context()).Info() {
					name, size := s.Config.Name, s.Config.MaxBytes
					if before, ok := sizes[name]; ok && size < before {
						t.Errorf("%s had %d bytes and has %d", name, before, size)
					}
					sizes[name] = size
				}
			}
			t.Log(sizes)
		})
	}
}
