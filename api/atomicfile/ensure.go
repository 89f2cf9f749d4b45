package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/regularfile"
	"golang.org/x/sys/unix"
)

const (
	maxText  = 64 << 10        // largest file that Read accepts, bytes
	lockWait = 2 * time.Second // how long Ensure waits for another process that creates the same file
)

// Read returns the text of a small regular file, without leading and trailing white
// space. Zero bytes count as white space: a power cut can leave them in place of text.
func Read(path string) (string, error) {
	b, err := regularfile.Read(path, maxText)
	if err != nil {
		return "", err
	}
	return strings.Trim(string(b), " \t\r\n\x00"), nil
}

// Ensure returns the text of a file that is created once and then kept, such as an id or
// a token. If the file is missing, or empty after an interrupted start, Ensure writes
// what create returns, and created is true. Processes that call Ensure at the same time
// get the same text. The directory must exist.
func Ensure(path string, perm fs.FileMode, create func() string) (text string, created bool, err error) {
	if text, err = Read(path); text != "" || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return text, false, err
	}
	unlock := lock(filepath.Dir(path))
	defer unlock()
	text, err = Read(path) // another process may have created the file meanwhile
	if text != "" {
		return text, false, nil
	}
	empty := err == nil
	if !empty && !errors.Is(err, fs.ErrNotExist) {
		return "", false, err
	}
	text = create()
	temp, err := writeTemp(path, []byte(text+"\n"), perm)
	if err != nil {
		return "", false, err
	}
	if !empty {
		// If the file system has no locks, a link still fails if the file exists by now.
		err = os.Link(temp, path)
		if err == nil {
			return text, true, errors.Join(os.Remove(temp), syncDir(filepath.Dir(path)))
		}
		if errors.Is(err, fs.ErrExist) {
			text, err = Read(path)
			return text, false, errors.Join(err, os.Remove(temp))
		}
	}
	if err := os.Rename(temp, path); err != nil {
		return "", false, errors.Join(err, os.Remove(temp))
	}
	return text, true, syncDir(filepath.Dir(path))
}

// lock locks a directory (flock(2)), and waits up to lockWait for another process that
// holds the lock. It returns without the lock after that time, and on a file system
// without locks.
func lock(dir string) (unlock func()) {
	d, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for end := time.Now().Add(lockWait); ; time.Sleep(5 * time.Millisecond) {
		err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(end) {
			return func() { d.Close() }
		}
	}
}
