package host

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// statfs calls statfs(2). path ends with NUL. statfs does not return until the
// filesystem answers.
func statfs(path []byte, to *unix.Statfs_t) unix.Errno {
	for {
		_, _, errno := unix.Syscall(unix.SYS_STATFS, uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(to)), 0)
		if errno != unix.EINTR {
			return errno
		}
	}
}
