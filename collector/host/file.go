package host

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	retryReads = 60       // reads between two attempts to open a file that could not be read
	maxText    = 16 << 20 // largest size of a file, in bytes
)

// file is a text file of the kernel that is held open, and is read from its start
// each time. If it cannot be opened, it is tried again every retryReads reads.
type file struct {
	path  []byte     // ends with NUL
	fd    int        // -1 if it is not open
	errno unix.Errno // error of the last read, 0 if it succeeded
	wait  int        // reads until the next attempt to open the file
}

func newFile(path string) *file {
	return &file{path: cstring(path), fd: -1}
}

// cstring returns s with a NUL at its end, as system calls take strings.
func cstring(s string) []byte { return append([]byte(s), 0) }

func (f *file) name() string { return string(f.path[:len(f.path)-1]) }

// read reads the whole file into buf, which grows as needed, and returns its text. It
// returns nil if the file cannot be read; f.errno then says why.
func (f *file) read(buf *[]byte) []byte {
	if f.fd < 0 && !f.open() {
		return nil
	}
	n, errno := preadAll(f.fd, buf)
	f.errno = errno
	if errno != 0 {
		// Reads keep failing once a network namespace or a device is gone: the file
		// has to be opened again.
		f.close()
		f.wait = retryReads
		return nil
	}
	return (*buf)[:n]
}

// open opens the file if it is time for another attempt, and reports whether it is open.
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

// openPath opens a file for reading. path ends with NUL.
func openPath(path []byte) (int, unix.Errno) { return openAt(unix.AT_FDCWD, path) }

// openAt opens a file for reading. path ends with NUL, and is relative to the
// directory with the descriptor dir.
func openAt(dir int, path []byte) (int, unix.Errno) {
	for {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])),
			unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
		if errno != unix.EINTR {
			return int(fd), errno
		}
	}
}

// pread reads a file of sysfs or a sysctl from its start with a single pread(2), which
// returns such files whole. It returns the number of bytes in buf.
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

// preadAll reads a file from its start to its end into buf, which grows as needed, and
// returns the number of bytes. A read may return only part of a file, so only a read
// of 0 bytes marks the end. The error is EFBIG if the file is larger than maxText.
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
