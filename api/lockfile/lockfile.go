package lockfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrInUse says that another process has the directory.
var ErrInUse = errors.New("in use by another process: give each its own data directory")

// Name is that of the file in the directory.
const Name = "lock"

// Lock is a directory that this process has.
type Lock struct{ file *os.File }

// Hold takes a directory, which it makes if need be, until Release or the end of the
// process. It returns ErrInUse if another process, or this one, has it already. A file
// system without locks keeps nobody out.
func Hold(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, Name), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, fmt.Errorf("%s: %w", dir, ErrInUse)
	}
	return &Lock{f}, nil
}

// Release gives the directory back. A nil lock has none.
func (l *Lock) Release() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}

// Wait is Hold that waits until nobody else has the directory: for what takes moments.
func Wait(dir string) (*Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, Name), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return &Lock{f}, nil // a file system without locks keeps nobody out
		}
	}
}
