package cgroups

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of this file allocate nothing. Those of package unix copy each
// path, as they take it as a string without a NUL.

// openat opens a path for reading. path is NUL-terminated and relative to the
// directory descriptor dir.
func openat(dir int, path []byte, flags int) (int, syscall.Errno) {
	for {
		fd, _, errno := syscall.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])),
			uintptr(flags|unix.O_RDONLY|unix.O_CLOEXEC), 0, 0, 0)
		if errno != unix.EINTR {
			return int(fd), errno
		}
	}
}

// pread is pread(2), repeated after EINTR.
func pread(fd int, b []byte, off int64) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.Syscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(&b[0])),
			uintptr(len(b)), uintptr(off), 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// read is read(2), repeated after EINTR.
func read(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.Syscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// getdents is getdents64(2).
func getdents(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall(unix.SYS_GETDENTS64, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), errno
}

// closeFD is close(2) without its error.
func closeFD(fd int) { syscall.Syscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }
