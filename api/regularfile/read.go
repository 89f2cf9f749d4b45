package regularfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Read returns the content of a regular file of at most the given number of bytes. It may
// still wait for the file system.
func Read(path string, most int64) ([]byte, error) {
	b, _, err := ReadMode(path, most)
	return b, err
}

// ReadMode is Read, and returns also the permissions of the file that it has read, for files
// that others must not read or write.
func ReadMode(path string, most int64) ([]byte, fs.FileMode, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		b, err = nil, fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return b, info.Mode().Perm(), err
}
