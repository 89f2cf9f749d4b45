package rig

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Namespaces are those that InNamespaces makes.
type Namespaces uintptr

// Kinds of namespaces (namespaces(7)), to be combined.
const (
	Mount   Namespaces = unix.CLONE_NEWNS
	Network Namespaces = unix.CLONE_NEWNET // with nothing but a loopback interface, which is down
	PID     Namespaces = unix.CLONE_NEWPID // the test is process 1
	UTS     Namespaces = unix.CLONE_NEWUTS

	// Machine is all of these, with /proc and /sys mounted anew: a machine of the
	// test's own but for its files and cgroups.
	Machine = Mount | Network | PID | UTS
)

const namespaceTest = "DAYTWO_TEST_NAMESPACE"

// InChild reports whether this process is the one that InNamespaces made for the
// calling test.
func InChild(t testing.TB) bool { return slices.Contains(inside(), t.Name()) }

// inside lists the tests that have made the processes around this one, the outermost
// first.
func inside() []string {
	return strings.FieldsFunc(os.Getenv(namespaceTest), func(r rune) bool { return r == ':' })
}

// InNamespaces runs body in a process of its own, in new namespaces: it runs the
// calling test again there. The test may mount, make interfaces and signal
// processes as it likes; all of it ends with that process. Environment is added
// to that of the process. With no namespaces it is only another process.
//
// The calling test must do nothing before InNamespaces that it would not do twice.
// A subtest of body may call InNamespaces again, if body does nothing else.
func InNamespaces(t *testing.T, namespaces Namespaces, body func(t *testing.T), environment ...string) {
	t.Helper()
	if InChild(t) {
		if all := inside(); all[len(all)-1] == t.Name() { // else an outer one, which is prepared
			prepare(t, namespaces)
		}
		body(t)
		return
	}
	if namespaces != 0 {
		NeedRoot(t, "namespaces")
	}
	timeout := 4 * time.Minute
	if SoakRounds() > 0 {
		timeout = 24 * time.Hour
	}
	if deadline, ok := t.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline)-5*time.Second)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run="+exactly(t.Name()), "-test.v", "-test.count=1",
		"-test.timeout="+timeout.String())
	cmd.Env = append(append(os.Environ(), namespaceTest+"="+strings.Join(append(inside(), t.Name()), ":")), environment...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(namespaces), Pdeathsig: syscall.SIGKILL}
	var out Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 5*time.Second
	ended := make(chan error)
	onThread(func() { ended <- cmd.Run() })
	report(t, <-ended, out.String())
}

// report repeats what became of the test in its other process.
func report(t *testing.T, err error, out string) {
	t.Helper()
	switch {
	case errors.Is(err, unix.EPERM):
		Missing(t, "namespaces", err.Error(), "run the tests as root")
	case err == nil && strings.Contains(out, "--- SKIP: "+t.Name()+" "):
		SkippedElsewhere(t, out)
	case err != nil || !strings.Contains(out, "--- PASS: "+t.Name()+" "):
		t.Fatalf("in its own namespaces: %v\n%s", err, out)
	}
	t.Log(out)
}

// exactly is the pattern of -test.run for one test or subtest.
func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}

// prepare mounts what belongs to the new namespaces.
func prepare(t *testing.T, namespaces Namespaces) {
	t.Helper()
	mount := func(source, target, fsType string, flags uintptr) {
		t.Helper()
		if err := unix.Mount(source, target, fsType, flags, ""); err != nil {
			t.Fatalf("mount %s: %v", target, err)
		}
	}
	if namespaces&Mount != 0 {
		mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE)
	}
	if namespaces == Machine {
		mount("proc", "/proc", "proc", 0)
		mount("sysfs", "/sys", "sysfs", 0)
	}
}

// SmallDisk mounts a tmpfs of so many bytes at dir, in the mount namespace of the
// test (see InNamespaces), or until the test ends.
func SmallDisk(t testing.TB, dir, size string) {
	t.Helper()
	NeedRoot(t, "a small disk")
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mount a tmpfs of %s: %v", size, err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}
