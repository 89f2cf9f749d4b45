package rig

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Netns is a network namespace. One thread is in it, and belongs to it alone:
// when the test ends the thread ends too, and never runs other goroutines.
type Netns struct {
	path string // /proc/PID/task/TID/ns/net of the thread
	work chan func()
	done sync.WaitGroup
}

// NewNetns makes a network namespace with nothing but its loopback interface,
// which is up.
func NewNetns(t testing.TB) *Netns {
	t.Helper()
	NeedRoot(t, "network namespaces")
	return openNetns(t, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		return loopbackUp()
	})
}

// NetnsOf opens the network namespace of a process.
func NetnsOf(t testing.TB, pid int) *Netns {
	t.Helper()
	NeedRoot(t, "network namespaces")
	return openNetns(t, func() error {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Setns(fd, unix.CLONE_NEWNET)
	})
}

func openNetns(t testing.TB, enter func() error) *Netns {
	t.Helper()
	n := &Netns{work: make(chan func())}
	entered := make(chan error)
	n.done.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		err := enter()
		n.path = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid())
		entered <- err
		for f := range n.work {
			f()
		}
	})
	if err := <-entered; err != nil {
		close(n.work)
		t.Fatalf("enter a network namespace: %v", err)
	}
	t.Cleanup(func() {
		close(n.work)
		n.done.Wait()
	})
	return n
}

// Path is a file that names the namespace while the test runs (setns(2)).
func (n *Netns) Path() string { return n.path }

// Do calls f on a thread in the namespace and waits until it returns. What f
// opens stays in the namespace; goroutines that it starts do not run there.
// It must not call t.FailNow or what calls it.
func (n *Netns) Do(f func()) {
	done := make(chan struct{})
	n.work <- func() {
		defer close(done)
		f()
	}
	<-done
}

// run calls f, which starts a process and waits for it, on a thread of its own in
// the namespace: the process ends when that thread does.
func (n *Netns) run(f func()) {
	runtime.LockOSThread() // never unlocked, see Netns
	fd, err := unix.Open(n.path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Setns(fd, unix.CLONE_NEWNET)
		unix.Close(fd)
	}
	if err != nil {
		panic(fmt.Sprintf("rig: enter %s: %v", n.path, err)) // the namespace is ours
	}
	f()
}

// Command makes a command that runs in the namespace; nsenter(1) enters it.
func (n *Netns) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=" + n.path, "--", name}, args...)...)
}

// IP runs ip(8) in the namespace with these arguments, separated by spaces.
func (n *Netns) IP(t testing.TB, args string) {
	t.Helper()
	need(t, "ip", "apt-get install iproute2 util-linux", "ip", "nsenter")
	if out, err := n.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// Netns opens the network namespace of a container.
func (c *Container) Netns(t testing.TB) *Netns {
	t.Helper()
	return NetnsOf(t, c.PID)
}

// loopbackUp is "ip link set lo up" in this thread's network namespace.
func loopbackUp() error {
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
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&req))); errno != 0 {
		return os.NewSyscallError("ioctl SIOCSIFFLAGS", errno)
	}
	return nil
}
