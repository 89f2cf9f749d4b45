package cgroups

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The wrappers of package unix take strings, which they copy: these take
// NUL-terminated bytes and allocate nothing.

// openat opens a NUL-terminated path below dir for reading.
func openat(dir int, path []byte, flags int) (int, syscall.Errno) {
	for {
		fd, _, errno := syscall.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])),
			uintptr(flags|unix.O_RDONLY|unix.O_CLOEXEC), 0, 0, 0)
		if errno != unix.EINTR {
			return int(fd), errno
		}
	}
}

func pread(fd int, b []byte, off int64) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.Syscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(&b[0])),
			uintptr(len(b)), uintptr(off), 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

func read(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.Syscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

func getdents(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall(unix.SYS_GETDENTS64, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), errno
}

func closeFD(fd int) { syscall.Syscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }
