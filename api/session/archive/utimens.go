package archive

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// utimens is futimens(3): package unix has utimensat(2) only with a path.
func utimens(fd int, times [2]unix.Timespec) error {
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
