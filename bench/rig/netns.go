package rig

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Netns is a network namespace. Threads that enter it end when they have done
// their work there: none of them runs other goroutines afterwards.
type Netns struct {
	path string // a file that names it (setns(2))
}

// NewNetns makes a network namespace with nothing but its loopback interface,
// which is up. It ends with the test, once nothing of it is open.
func NewNetns(t testing.TB) *Netns {
	t.Helper()
	NeedRoot(t, "a network namespace")
	n := new(Netns)
	made, end, ended := make(chan error), make(chan struct{}), make(chan struct{})
	onLastThread(func() {
		defer close(ended)
		err := os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_NEWNET))
		if err == nil {
			err = LoopbackUp()
		}
		n.path = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid())
		made <- err
		<-end // the thread keeps the namespace
	})
	t.Cleanup(func() {
		close(end)
		<-ended
	})
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	return n
}

// NetnsOf is the network namespace of a process, while that runs.
func NetnsOf(t testing.TB, pid int) *Netns {
	t.Helper()
	NeedRoot(t, "entering a network namespace")
	return &Netns{path: fmt.Sprintf("/proc/%d/ns/net", pid)}
}

// Path is a file that names the namespace, while that exists.
func (n *Netns) Path() string { return n.path }

// Do calls f on a thread in the namespace and waits until it returns. What f
// opens stays in the namespace; goroutines that it starts do not run there.
// f must not call t.FailNow or what calls it.
func (n *Netns) Do(f func()) error {
	done := make(chan error)
	onLastThread(func() {
		err := setns(n.path)
		if err == nil {
			f()
		}
		done <- err
	})
	return <-done
}

// onThread calls f, which starts a process and waits for it, on a thread in the
// namespace.
func (n *Netns) onThread(f func(error)) {
	onLastThread(func() { f(setns(n.path)) })
}

// setns moves the calling thread to the network namespace of a file.
func setns(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return os.NewSyscallError("setns", unix.Setns(fd, unix.CLONE_NEWNET))
}

// Command makes a command that runs in the namespace; nsenter(1) enters it.
func (n *Netns) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=" + n.path, "--", name}, args...)...)
}

// IP runs ip(8) in the namespace with these arguments, separated by spaces.
func (n *Netns) IP(t testing.TB, args string) {
	t.Helper()
	need(t, "nsenter", "apt-get install util-linux", "nsenter")
	ip(t, args, n.Command)
}

// IP runs ip(8) in the test's own namespace with these arguments, separated by spaces.
func IP(t testing.TB, args string) {
	t.Helper()
	ip(t, args, exec.Command)
}

func ip(t testing.TB, args string, command func(string, ...string) *exec.Cmd) {
	t.Helper()
	need(t, "ip", "apt-get install iproute2", "ip")
	out, err := command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil && strings.Contains(string(out), "Unknown device type") {
		KernelLacks(t, Built("CONFIG_VETH"), fmt.Errorf("ip %s: %s", args, out))
	}
	if err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// Netns is the network namespace of a container, while that runs.
func (c *Container) Netns(t testing.TB) *Netns {
	t.Helper()
	return NetnsOf(t, c.PID)
}

// LoopbackUp is "ip link set lo up" in this thread's network namespace.
func LoopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var req struct { // struct ifreq, netdevice(7)
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(req.name[:], "lo")
	req.flags = unix.IFF_UP
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS,
		uintptr(unsafe.Pointer(&req))); errno != 0 {
		return os.NewSyscallError("ioctl SIOCSIFFLAGS", errno)
	}
	return nil
}
