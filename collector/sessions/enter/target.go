package enter

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pinned is a process that stays the same one, whatever its id is given to later.
type pinned struct {
	pid   int
	pidfd int
	proc  int // its directory in /proc
	root  int // its root directory

	within string // where that is, for messages
}

// pin opens the first process of a container, and checks that it is the one that was
// meant. Nothing that is read through the result is of another process: the kernel gives
// ESRCH once the process has been waited for.
func pin(t Target) (p *pinned, err error) {
	p = &pinned{pid: t.PID, pidfd: -1, proc: -1, root: -1, within: t.within()}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	gone := func(err error) error {
		if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) {
			return because(Gone, err, "%s: process %d has ended", t, t.PID)
		}
		return because(NoParity, err, "%s: process %d cannot be examined", t, t.PID)
	}
	if t.PID <= 0 {
		return p, refuse(Invalid, "%s has no process %d", t, t.PID)
	}
	if p.pidfd, err = unix.PidfdOpen(t.PID, 0); err != nil {
		return p, gone(err)
	}
	dir := "/proc/" + strconv.Itoa(t.PID)
	if p.proc, err = unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return p, gone(err)
	}
	stat, err := p.read("stat", 4096)
	if err != nil {
		return p, gone(err)
	}
	state, _, start, err := parseStat(stat)
	if err != nil {
		return p, because(NoParity, err, "%s: /proc/%d/stat", t, t.PID)
	}
	if t.StartTime != 0 && start != t.StartTime {
		return p, refuse(Gone, "%s: process %d is another one than when the session was authorised", t, t.PID)
	}
	if state == 'Z' || state == 'X' {
		return p, refuse(Gone, "%s: process %d has ended", t, t.PID)
	}
	if p.root, err = unix.Openat(p.proc, "root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return p, gone(err)
	}
	return p, p.alive()
}

// alive returns an error if the process has ended, whether it has been waited for or not.
func (p *pinned) alive() error {
	if hasEnded(p.pidfd) {
		return refuse(Gone, "process %d of the container has ended", p.pid)
	}
	return nil
}

// hasEnded reports whether a process has ended, by its pidfd.
func hasEnded(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// read reads a file of the process in /proc, at most limit bytes of it.
func (p *pinned) read(name string, limit int64) ([]byte, error) {
	fd, err := unix.Openat(p.proc, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

func (p *pinned) close() {
	for _, fd := range []int{p.pidfd, p.proc, p.root} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	p.pidfd, p.proc, p.root = -1, -1, -1
}

var errStat = errors.New("it has no such format")

// executed reports whether the process of a /proc/PID/stat has a program with arguments
// and environment: the kernel sets the end of the latter last.
func executed(stat []byte) bool {
	f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return len(f) > 48 && string(f[48]) != "0"
}

// parseStat returns the state, the flags (PF_…) and the start time from /proc/PID/stat.
// The name of the program, in parentheses, may hold any bytes.
func parseStat(stat []byte) (state byte, flags, start uint64, err error) {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, 0, 0, errStat
	}
	f := bytes.Fields(stat[i+1:])
	if len(f) < 20 || len(f[0]) != 1 {
		return 0, 0, 0, errStat
	}
	if flags, err = strconv.ParseUint(string(f[6]), 10, 64); err != nil {
		return 0, 0, 0, err
	}
	start, err = strconv.ParseUint(string(f[19]), 10, 64)
	return f[0][0], flags, start, err
}
