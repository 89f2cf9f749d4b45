package statsd

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	benchrig "github.com/daytwo/daytwo/bench/rig"
)

// A start beside a filesystem that does not respond is refused, with the flag to change,
// for StatsD's own sockets and for that of the launch API.
func TestSocketsOnHangingFilesystem(t *testing.T) {
	// In a mount namespace, so that tests of other packages do not wait for it.
	benchrig.InNamespaces(t, benchrig.Mount, socketsOnHangingFilesystem)
}

func socketsOnHangingFilesystem(t *testing.T) {
	fuse := benchrig.MountFuse(t)
	fuse.Die()
	t.Cleanup(fuse.Revive)
	path := filepath.Join(fuse.Dir, "socket")
	for flag, o := range map[string]Options{
		"--statsd": {Listen: []Listener{{Network: "unixgram", Address: path}}},
		"--socket": {Listen: []Listener{{Network: "udp", Address: "127.0.0.1:0"}}, Socket: path},
	} {
		t.Run(flag, func(t *testing.T) {
			o.Log, o.NoBPF, o.Ports = slog.New(slog.DiscardHandler), true, benchrig.Ports(t, 100)
			began := time.Now()
			s, err := New(o)
			if err == nil {
				s.Close()
				t.Fatal("it starts")
			}
			if took := time.Since(began); took > 6*socketWait {
				t.Errorf("it took %v", took)
			}
			if text := err.Error(); !strings.Contains(text, path) || !strings.Contains(text, "does not respond") ||
				!strings.Contains(text, "give "+flag) {
				t.Error(err)
			}
		})
	}
}

// A panic in one of Run's steps is counted and logged, and the server goes on.
func TestPanicInRun(t *testing.T) {
	r, log, _ := panicRig(t)
	r.survive("a test", func() { panic("of a test") })
	told(t, log.String(), "TestPanicInRun")
	if n := r.panics.count.Load(); n != 1 {
		t.Errorf("%d panics are counted", n)
	}
	r.survive("a test", r.sweep)
}
