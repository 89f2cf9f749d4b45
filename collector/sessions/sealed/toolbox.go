package sealed

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Toolbox returns the program that has the tools of sessions, opened read-only. All calls
// return the same file, which stays open; before the first one it takes no memory.
var Toolbox = sync.OnceValues(func() (*os.File, error) {
	r, err := gzip.NewReader(bytes.NewReader(toolbox))
	if err != nil {
		return nil, fmt.Errorf("the toolbox of sessions: %w", err)
	}
	return Unchangeable(r)
})

// Unchangeable puts a program into a file system of its own that is mounted nowhere and cannot
// be written any more, and returns it, opened read-only.
//
// A container's processes can open what a session executes, by /proc. Seals as those of Copy
// protect the content alone: root of one container, which without a user namespace owns the
// file, could make it a setuid program, or one that nobody may execute, in the sessions of all
// others.
func Unchangeable(program io.Reader) (_ *os.File, err error) {
	fail := func(err error) (*os.File, error) {
		return nil, fmt.Errorf("memory for the toolbox of sessions: %w", err)
	}
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return fail(os.NewSyscallError("fsopen", err))
	}
	defer unix.Close(fs)
	if err := unix.FsconfigSetString(fs, "mode", "0755"); err != nil {
		return fail(os.NewSyscallError("fsconfig", err))
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return fail(os.NewSyscallError("fsconfig", err))
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return fail(os.NewSyscallError("fsmount", err))
	}
	// The mount ends with its descriptor, so that nobody can change it; the file stays.
	defer unix.Close(mount)
	fd, err := unix.Openat(mount, "toolbox", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o755)
	if err != nil {
		return fail(os.NewSyscallError("openat", err))
	}
	f := os.NewFile(uintptr(fd), "toolbox")
	_, err = io.Copy(f, program)
	if err == nil {
		err = f.Chmod(0o555) // whatever the umask is
	}
	if err := f.Close(); err != nil {
		return fail(err)
	}
	if err != nil {
		return fail(err)
	}
	if err := unix.FsconfigSetFlag(fs, "ro"); err != nil {
		return fail(os.NewSyscallError("fsconfig", err))
	}
	if err := unix.FsconfigReconfigure(fs); err != nil {
		return fail(os.NewSyscallError("fsconfig", err))
	}
	if fd, err = unix.Openat(mount, "toolbox", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return fail(os.NewSyscallError("openat", err))
	}
	return os.NewFile(uintptr(fd), "toolbox"), nil
}
