package recent

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
)

func TestFullDisk(t *testing.T) { rig.InNamespaces(t, rig.Mount, fullDisk) }

func fullDisk(t *testing.T) {
	dir := t.TempDir()
	rig.SmallDisk(t, dir, "256k")
	var log bytes.Buffer
	w := newWorld(t, Options{Dir: dir, SegmentFor: 20 * time.Second, Log: slog.New(slog.NewTextHandler(&log, nil))},
		load.NodeOptions{Containers: 20, KeyEvery: 10})
	w.ticks(5)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk does not fill")
	}
	w.ticks(60)
	st := w.stats()
	if !st.DiskFailing || st.DiskErrors == 0 || st.Unwritten < 50 || st.MemoryFrames != 65 {
		t.Fatalf("%+v", st)
	}
	w.check(0) // from memory
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Fatalf("logged %d times:\n%s", n, &log)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	w.ticks(int(retryDisk/time.Second) + 10)
	again := w.stats()
	if again.DiskFailing || again.DiskFrames <= st.DiskFrames {
		t.Fatalf("%+v", again)
	}
	w.check(0)
	// The segment written since then can be read alone.
	w.reopen()
	w.check(w.node.Batch.Time - 8e9)
	if st := w.stats(); st.DecodeErrors != 0 || st.DiskErrors != 0 {
		t.Fatalf("%+v", st)
	}
}
