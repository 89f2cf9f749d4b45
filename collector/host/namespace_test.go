package host

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

const childEnv = "DAYTWO_HOST_TEST_CHILD"

// inNamespaces runs a test as process 1 of its own pid, network and mount
// namespaces, with /proc and /sys of these: a machine that it may change.
func inNamespaces(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	if os.Getenv(childEnv) == t.Name() {
		for _, m := range []struct {
			source, target, fsType string
			flags                  uintptr
		}{{"", "/", "", unix.MS_REC | unix.MS_PRIVATE}, {"proc", "/proc", "proc", 0}, {"sysfs", "/sys", "sysfs", 0}} {
			if err := unix.Mount(m.source, m.target, m.fsType, m.flags, ""); err != nil {
				t.Fatalf("mount %s: %v", m.target, err)
			}
		}
		body(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS,
		Pdeathsig:  unix.SIGKILL,
	}
	runtime.LockOSThread() // Pdeathsig is of the thread
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) {
		rig.Missing(t, "namespaces", err.Error(), "run the tests as root")
	}
	if err == nil && strings.Contains(string(out), "--- SKIP: "+t.Name()) {
		t.Skipf("%s", out)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, out)
	}
}

// ip runs iproute2 within the namespaces of the test.
func ip(t *testing.T, args string) {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		rig.Missing(t, "ip", err.Error(), "apt-get install iproute2")
	}
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		if strings.Contains(string(out), "Unknown device type") || strings.Contains(string(out), "not supported") {
			rig.Unsupported(t, "ip "+args, errors.New(string(out)))
		}
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
}
