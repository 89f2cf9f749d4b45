package policy

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Load reads a policy file. It must be a regular one that only its owner can write.
func Load(path string) (*Policy, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(b, path)
}

func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // does not wait for the writer of a FIFO
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Mode().Perm()&0o022 != 0:
		return nil, fmt.Errorf("%s: others than its owner can write it (mode %04o), and so decide who may do what: "+
			"chmod go-w %s", path, info.Mode().Perm(), path)
	}
	return io.ReadAll(io.LimitReader(f, MaxBytes+1))
}
