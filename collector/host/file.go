package host

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	retryReads = 60       // reads between attempts to open what was not there
	maxText    = 16 << 20 // bytes of one file that are read at most
)

// file is a kernel text file that stays open and is read from its start each
// time. One that is not there is tried again now and then.
type file struct {
	path  []byte // ends with NUL
	fd    int
	errno unix.Errno // why the last read gave nothing, 0 if it did not
	wait  int        // reads to go before the next attempt to open
}

func newFile(path string) *file {
	return &file{path: cstring(path), fd: -1}
}

func cstring(s string) []byte { return append([]byte(s), 0) }

func (f *file) name() string { return string(f.path[:len(f.path)-1]) }

// read fills buf, growing it as needed, and returns the text, or nil.
func (f *file) read(buf *[]byte) []byte {
	if f.fd < 0 && !f.open() {
		return nil
	}
	n, errno := preadAll(f.fd, buf)
	f.errno = errno
	if errno != 0 {
		// A descriptor of something removed (a network namespace, a device)
		// stays dead: open anew next time.
		f.close()
		f.wait = retryReads
		return nil
	}
	return (*buf)[:n]
}

func (f *file) open() bool {
	if f.wait > 0 {
		f.wait--
		return false
	}
	if f.fd, f.errno = openPath(f.path); f.errno != 0 {
		f.fd, f.wait = -1, retryReads
		return false
	}
	return true
}

func (f *file) close() {
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = -1
	}
}

// openPath opens a path that ends with NUL for reading.
func openPath(path []byte) (int, unix.Errno) { return openAt(unix.AT_FDCWD, path) }

// openAt opens a path that ends with NUL, below a directory, for reading.
func openAt(dir int, path []byte) (int, unix.Errno) {
	for {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])),
			unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
		if errno != unix.EINTR {
			return int(fd), errno
		}
	}
}

// pread reads an attribute of sysfs or a sysctl, which come whole.
func pread(fd int, buf *[]byte) (int, unix.Errno) {
	for {
		n, err := unix.Pread(fd, *buf, 0)
		if err == nil {
			return n, 0
		}
		if err != unix.EINTR {
			return 0, err.(unix.Errno)
		}
	}
}

// preadAll reads from offset 0 to the end. Files made of many records come in
// pieces, so only an empty read is the end.
func preadAll(fd int, buf *[]byte) (int, unix.Errno) {
	n := 0
	for {
		if n == len(*buf) {
			if n >= maxText {
				return 0, unix.EFBIG
			}
			grown := make([]byte, max(2*n, 64<<10))
			copy(grown, *buf)
			*buf = grown
		}
		k, err := unix.Pread(fd, (*buf)[n:], int64(n))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err.(unix.Errno)
		case k == 0:
			return n, 0
		default:
			n += k
		}
	}
}
