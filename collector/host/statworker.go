package host

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// statWorker calls statfs(2), which may not return for as long as a server is
// away, so that the tick need not wait for it. A worker that hangs stays with
// its mount; the reader goes on with another.
type statWorker struct {
	in  chan *mount
	out chan struct{} // room for one: the worker can always leave
}

func startWorker() *statWorker {
	w := &statWorker{in: make(chan *mount), out: make(chan struct{}, 1)}
	go func() {
		for m := range w.in {
			m.errno = statfs(m.path, &m.raw)
			w.out <- struct{}{}
		}
	}()
	return w
}

func statfs(path []byte, to *unix.Statfs_t) unix.Errno {
	for {
		_, _, errno := unix.Syscall(unix.SYS_STATFS, uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(to)), 0)
		if errno != unix.EINTR {
			return errno
		}
	}
}

// ask gets m.raw, or m.error. It is false if there was no time left in this
// tick to find out.
func (r *fsReader) ask(m *mount, deadline time.Time) bool {
	if m.stuck != nil {
		select {
		case <-m.stuck.out: // it is back; what it said is of long ago
			m.release()
		default:
			return true
		}
	}
	wait := min(mountWait, time.Until(deadline))
	if wait <= 0 {
		m.error = unix.EAGAIN
		return false
	}
	if r.worker == nil {
		r.worker = startWorker()
	}
	r.timer.Reset(wait)
	r.worker.in <- m
	select {
	case <-r.worker.out:
		r.timer.Stop()
		m.error = m.errno
	case <-r.timer.C:
		m.stuck, r.worker = r.worker, nil
		m.error = unix.ETIMEDOUT
		r.log.Warn("host: a filesystem does not answer", "mountpoint", m.spec.point, "fstype", m.spec.fsType)
	}
	return true
}

// release lets a stuck worker go as soon as its call returns.
func (m *mount) release() {
	if m.stuck != nil {
		close(m.stuck.in)
		m.stuck = nil
	}
}
