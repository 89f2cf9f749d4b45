package recent

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
)

// TestFullDisk runs itself in a mount namespace of its own, on a disk of 256 KiB.
func TestFullDisk(t *testing.T) {
	if os.Getenv("DAYTWO_TEST_NAMESPACE") == "1" {
		fullDisk(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), "DAYTWO_TEST_NAMESPACE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		rig.Unsupported(t, "a mount namespace", err)
	}
	if bytes.Contains(out, []byte("--- SKIP")) {
		rig.Unsupported(t, "mounting a tmpfs", &os.PathError{Op: "mount", Path: "tmpfs", Err: syscall.EPERM})
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Fatalf("%v\n%s", err, out)
	}
}

func fullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Skip(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip(err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
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
	// What is on disk since then stands on its own.
	w.reopen()
	w.check(w.node.Batch.Time - 8e9)
	if st := w.stats(); st.DecodeErrors != 0 || st.DiskErrors != 0 {
		t.Fatalf("%+v", st)
	}
}
