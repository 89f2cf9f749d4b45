package origin

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/collector/bounded"
)

// netnsWait is the longest wait for the file of a network namespace.
const netnsWait = 250 * time.Millisecond

// errNotSteered means that each port has a socket of its own.
var errNotSteered = errors.New("ports are not steered here, so network namespaces of containers cannot be served")

// openNetns opens the file of a network namespace, /proc/PID/ns/net, whose name comes
// from a launcher. It may be any file, and the process may hang. So it is opened without
// t.mu, which ticks need.
func (t *Table) openNetns(file string) (*os.File, error) {
	if !t.Steered() {
		return nil, errNotSteered
	}
	ns, err := bounded.Do(t.namespaces, file, netnsWait, func() (*os.File, error) {
		fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: file, Err: err}
		}
		return os.NewFile(uintptr(fd), file), nil
	})
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	return ns, nil
}

// netnsOf opens the network namespace of a process, if the process is in one of the
// cgroups. This check is needed because the pid may have been reused.
func (t *Table) netnsOf(pid int, cgroups []string) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil, err
	}
	if !within(b, cgroups) {
		return nil, fmt.Errorf("process %d is not the container's", pid)
	}
	// From Linux 6.11 on. This does not block if the process hangs in execve(2).
	if ns, err := unix.IoctlRetInt(fd, unix.PIDFD_GET_NET_NAMESPACE); err == nil {
		return os.NewFile(uintptr(ns), fmt.Sprintf("network namespace of process %d", pid)), nil
	}
	ns, err := t.openNetns(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	// The process still exists, so all that was read belongs to it. EPERM also means
	// that it exists.
	if err := unix.PidfdSendSignal(fd, 0, nil, 0); err != nil && err != unix.EPERM {
		ns.Close()
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	return ns, nil
}
