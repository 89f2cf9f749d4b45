package switches

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrEnded says that the process has ended.
var ErrEnded = errors.New("the process has ended")

// busyFor is how long the process uses the processor until Wait returns although
// the process does not rest.
const busyFor = 2 * time.Millisecond

// Counter waits for a process to rest. It begins off.
type Counter struct {
	file *os.File        // the event of the kernel that counts switches
	raw  syscall.RawConn // of file
	fd   int             // of file
	busy int             // the event that counts processor time

	mu   sync.Mutex // held while the kernel is told something, and while page is used
	page []byte     // where the kernel writes, nil once closed
	seen uint64     // of what it wrote
}

// Open makes a Counter of the main thread of a process. It fails where the kernel, or
// whoever confines this process, does not allow that.
func Open(pid int) (*Counter, error) {
	fd, err := open(unix.PERF_COUNT_SW_CONTEXT_SWITCHES, 1, pid)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // else the runtime does not wait for it
		return nil, errors.Join(err, unix.Close(fd))
	}
	c := &Counter{file: os.NewFile(uintptr(fd), fmt.Sprintf("switches of %d", pid)), fd: fd, busy: -1}
	if err := c.start(pid); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func open(what, period uint64, pid int) (int, error) {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: what, Sample: period, Wakeup: 1,
		Bits: unix.PerfBitDisabled, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{}))}
	fd, err := unix.PerfEventOpen(&attr, pid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	return fd, os.NewSyscallError("perf_event_open", err)
}

// start makes a ring into which both events write, each a few bytes.
func (c *Counter) start(pid int) (err error) {
	if c.raw, err = c.file.SyscallConn(); err != nil {
		return err
	}
	if c.page, err = unix.Mmap(c.fd, 0, 2*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return os.NewSyscallError("mmap", err)
	}
	if c.busy, err = open(unix.PERF_COUNT_SW_TASK_CLOCK, uint64(busyFor), pid); err != nil {
		return err
	}
	return os.NewSyscallError("ioctl", unix.IoctlSetInt(c.busy, unix.PERF_EVENT_IOC_SET_OUTPUT, c.fd))
}

// Switch lets the kernel count, or not. What costs is counted while it does.
func (c *Counter) Switch(on bool) error {
	request := uint(unix.PERF_EVENT_IOC_DISABLE)
	if on {
		request = unix.PERF_EVENT_IOC_ENABLE
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.page == nil {
		return os.ErrClosed
	}
	err := unix.IoctlSetInt(c.fd, request, 0)
	return errors.Join(err, unix.IoctlSetInt(c.busy, request, 0))
}

// Wait returns once the process has rested since the last call, or used the processor
// for busyFor, while the counter was on. It returns ErrEnded after the end of the process,
// and os.ErrClosed after Close.
func (c *Counter) Wait() (err error) {
	e := c.raw.Read(func(fd uintptr) bool {
		is := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, _ = unix.Poll(is, 0) // before moved: what it takes, that sees
		if c.moved() {
			return true
		}
		if is[0].Revents&unix.POLLHUP != 0 {
			err = ErrEnded
			return true
		}
		return false
	})
	if e != nil {
		return os.ErrClosed
	}
	return err
}

// moved reports whether the kernel has written since the last call, and makes room.
func (c *Counter) moved() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.page == nil {
		return false
	}
	p := (*unix.PerfEventMmapPage)(unsafe.Pointer(unsafe.SliceData(c.page)))
	head := atomic.LoadUint64(&p.Data_head)
	atomic.StoreUint64(&p.Data_tail, head)
	is := head != c.seen
	c.seen = head
	return is
}

// Close ends Wait, and gives back what the counter holds.
func (c *Counter) Close() error {
	c.mu.Lock()
	page := c.page
	c.page = nil
	c.mu.Unlock()
	err := c.file.Close() // which waits until Wait has left
	if err != nil {
		return err
	}
	if page != nil {
		err = unix.Munmap(page)
	}
	if c.busy >= 0 {
		err = errors.Join(err, unix.Close(c.busy))
	}
	return err
}
