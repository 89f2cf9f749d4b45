package enter

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filter is one seccomp filter, as the kernel gives it back.
type filter struct {
	code  []unix.SockFilter
	flags uint64 // SECCOMP_FILTER_FLAG_LOG, the only one that the kernel tells
}

const (
	maxFilters = 1024 // the kernel allows 32,768 instructions in all
	stopWithin = 2 * time.Second

	traceWithin = 5 * time.Second
)

// readFilters reads the seccomp filters of a process, the oldest first. It has to stop
// the process for that, for some microseconds: the kernel gives filters to tracers only.
func readFilters(p *pinned) (all []filter, err error) {
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	if err := seize(p.pid); err != nil {
		return nil, err
	}
	defer func() {
		if _, _, errno := ptrace(unix.PTRACE_DETACH, p.pid, 0, 0); errno != 0 && err == nil && errno != unix.ESRCH {
			err = because(NoParity, errno, "the container's first process cannot be let go")
		}
	}()
	if err := p.alive(); err != nil { // else another one with its id may have been stopped
		return nil, err
	}
	if _, _, errno := ptrace(unix.PTRACE_INTERRUPT, p.pid, 0, 0); errno != 0 {
		return nil, because(Gone, errno, "the container's first process does not stop")
	}
	if err := waitStopped(p.pid); err != nil {
		return nil, err
	}
	for i := 0; i < maxFilters; i++ {
		f, err := readFilter(p.pid, i)
		if errors.Is(err, unix.ENOENT) {
			return all, nil
		}
		if err != nil {
			return nil, because(NoParity, err, "the container's seccomp filters cannot be read")
		}
		all = append(all, f)
	}
	return nil, refuse(NoParity, "the container has more than %d seccomp filters", maxFilters)
}

// seize makes this thread the tracer of a process. Other sessions may be that just now, hundreds
// one after the other, so it tries for a while, and less and less often: those that wait must not
// take the processor from the one that traces.
func seize(pid int) error {
	pause := 200 * time.Microsecond
	for begin := time.Now(); ; time.Sleep(pause/2 + rand.N(pause)) {
		_, _, errno := ptrace(unix.PTRACE_SEIZE, pid, 0, 0)
		switch {
		case errno == 0:
			return nil
		case errno != unix.EPERM:
			return because(Gone, errno, "the container's first process cannot be stopped to read its seccomp filters")
		case time.Since(begin) > traceWithin:
			return refuse(Traced, "the container's first process is traced by another one, so its seccomp filters "+
				"cannot be read: end the tracer (strace, gdb), then try again")
		}
		pause = min(2*pause, 20*time.Millisecond)
	}
}

// waitStopped waits until a traced process has stopped. A process in the kernel does not
// before its system call ends.
func waitStopped(pid int) error {
	var ws unix.WaitStatus
	for begin := time.Now(); ; {
		n, err := unix.Wait4(pid, &ws, unix.WALL|unix.WNOHANG, nil)
		switch {
		case err != nil && err != unix.EINTR:
			return because(Gone, err, "the container's first process cannot be waited for")
		case n == pid && ws.Stopped():
			return nil
		case n == pid:
			return refuse(Gone, "the container's first process has ended")
		case time.Since(begin) > stopWithin:
			return refuse(Timeout, "the container's first process does not stop within %v, as it hangs in the kernel, so "+
				"its seccomp filters cannot be read", stopWithin)
		case time.Since(begin) < time.Millisecond:
			runtime.Gosched()
		default:
			time.Sleep(50 * time.Microsecond)
		}
	}
}

func readFilter(pid, i int) (f filter, err error) {
	n, _, errno := ptrace(unix.PTRACE_SECCOMP_GET_FILTER, pid, uintptr(i), 0)
	if errno != 0 {
		return f, errno
	}
	if n == 0 || n > unix.BPF_MAXINSNS {
		return f, fmt.Errorf("a filter of %d instructions", n)
	}
	f.code = make([]unix.SockFilter, n)
	_, _, errno = ptrace(unix.PTRACE_SECCOMP_GET_FILTER, pid, uintptr(i), uintptr(unsafe.Pointer(&f.code[0])))
	if errno != 0 {
		return f, errno
	}
	meta := struct{ off, flags uint64 }{off: uint64(i)}
	_, _, errno = ptrace(unix.PTRACE_SECCOMP_GET_METADATA, pid, unsafe.Sizeof(meta), uintptr(unsafe.Pointer(&meta)))
	if errno == 0 { // since Linux 4.16
		f.flags = meta.flags
	}
	return f, nil
}

//go:nocheckptr
func ptrace(request, pid int, addr, data uintptr) (uintptr, uintptr, unix.Errno) {
	return unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), addr, data, 0, 0)
}

// asks reports whether a filter may ask a supervisor (SECCOMP_RET_USER_NOTIF), or cannot
// be judged as it returns what it has computed.
func (f filter) asks() bool {
	const (
		class, ret = 0x07, 0x06 // BPF_CLASS, BPF_RET
		value, imm = 0x18, 0x00 // BPF_RVAL, BPF_K
		action     = 0xffff0000 // SECCOMP_RET_ACTION_FULL
	)
	for _, in := range f.code {
		if in.Code&class == ret && (in.Code&value != imm || in.K&action == unix.SECCOMP_RET_USER_NOTIF) {
			return true
		}
	}
	return false
}
