package logfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// inode identifies a file for as long as it exists.
type inode struct{ dev, ino uint64 }

// openRegular opens a regular file for reading. The last element of the path may be
// in the hands of a container, so anything else is refused, and never waited for: a
// symbolic link, a FIFO, a device. So is a file of anybody else than user, unless that is
// root.
func openRegular(path string, user uint32) (*os.File, unix.Stat_t, error) {
	var st unix.Stat_t
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, st, fileError(path, err)
	}
	defer unix.Close(dir)
	fd, err := openAt(dir, filepath.Base(path), &st)
	if err != nil {
		return nil, st, fileError(path, err)
	}
	if user != 0 && st.Uid != user {
		unix.Close(fd)
		return nil, st, fileError(path, fmt.Errorf("it belongs to user %d, and a runtime of user %d named it", st.Uid, user))
	}
	return os.NewFile(uintptr(fd), path), st, nil
}

var errSymlink = errors.New("it is a symbolic link, and only regular files are read: give the path that it leads to")

func openAt(dir int, base string, st *unix.Stat_t) (int, error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC | unix.O_NOCTTY
	// What the path leads to is looked at before it is opened, since opening a device
	// can do something.
	if err := unix.Fstatat(dir, base, st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return -1, err
	}
	if err := regular(st); err != nil {
		return -1, err
	}
	fd, err := unix.Openat(dir, base, flags, 0)
	if errors.Is(err, unix.ELOOP) {
		return -1, errSymlink
	}
	if err != nil {
		return -1, err
	}
	if err = unix.Fstat(fd, st); err == nil {
		err = regular(st)
	}
	if err == nil {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func regular(st *unix.Stat_t) error {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return nil
	case unix.S_IFLNK:
		return errSymlink
	}
	return fmt.Errorf("it is no regular file (mode %#o), and only those are read", st.Mode)
}
