package sealed

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// path returns where other processes find a file of this one.
func path(f *os.File) string {
	return "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(int(f.Fd()))
}

// Nobody can change the toolbox, what it may do, or where it is mounted, not even root: all
// sessions of a node execute the same one.
func TestUnchangeable(t *testing.T) {
	rig.NeedRoot(t, "a mount")
	f, err := Unchangeable(strings.NewReader("#!/bin/sh\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, try := range map[string]func() error{
		"write":    func() error { w, err := os.OpenFile(path(f), os.O_WRONLY, 0); w.Close(); return err },
		"truncate": func() error { return os.Truncate(path(f), 0) },
		"setuid":   func() error { return f.Chmod(0o4777) },
		"no mode":  func() error { return unix.Fchmodat(unix.AT_FDCWD, path(f), 0, 0) },
		"owner":    func() error { return f.Chown(1000, 1000) },
		"times":    func() error { return unix.UtimesNanoAt(unix.AT_FDCWD, path(f), make([]unix.Timespec, 2), 0) },
		"attribute": func() error {
			return unix.Fsetxattr(int(f.Fd()), "security.capability", make([]byte, 20), 0)
		},
	} {
		if err := try(); !errors.Is(err, unix.EROFS) {
			t.Errorf("%s: %v, want %v", name, err, unix.EROFS)
		}
	}
	writable := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
	if unix.MountSetattr(int(f.Fd()), "", unix.AT_EMPTY_PATH, &writable) == nil {
		t.Error("its mount can be changed")
	}
	if info, err := f.Stat(); err != nil || info.Mode() != 0o555 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if fs, err := unix.Fspick(int(f.Fd()), "", unix.FSPICK_EMPTY_PATH); err == nil {
		unix.Close(fs)
		t.Error("its file system can be picked")
	}
}

// The toolbox takes memory from the first call on, and not before; it is executable.
func TestToolbox(t *testing.T) {
	rig.NeedRoot(t, "a mount")
	open := func() (n int) {
		links, _ := filepath.Glob("/proc/self/fd/*")
		for _, l := range links {
			if to, _ := os.Readlink(l); strings.HasPrefix(to, "/toolbox") {
				n++
			}
		}
		return n
	}
	helper, err := Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { helper.Close() })
	if n := open(); n != 0 {
		t.Errorf("it is there already, %d times", n)
	}
	f, err := Toolbox()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := Toolbox(); err != nil || open() != 1 {
		t.Errorf("it is open %d times, %v", open(), err)
	}
	cmd := exec.Command(path(f), "-c", "echo it runs")
	cmd.Args[0] = "hammer"
	out, err := cmd.CombinedOutput()
	if !strings.Contains(string(out), `there is no tool "hammer"`) {
		t.Errorf("%q, %v", out, err)
	}
}
