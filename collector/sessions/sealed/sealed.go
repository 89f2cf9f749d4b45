package sealed

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// allSeals forbid to change the memory, or the seals.
const allSeals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// Helper returns the helper program, opened read-only. All calls return the same file,
// which stays open; /proc/self/fd/N is the path to execute.
var Helper = sync.OnceValues(func() (*os.File, error) {
	r, err := gzip.NewReader(bytes.NewReader(helper))
	if err != nil {
		return nil, fmt.Errorf("the helper of sessions: %w", err)
	}
	return Copy(r)
})

// Copy seals a program in memory and returns it, opened read-only.
func Copy(program io.Reader) (_ *os.File, err error) {
	fd, err := unix.MemfdCreate("daytwo-session", unix.MFD_ALLOW_SEALING|unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate("daytwo-session", unix.MFD_ALLOW_SEALING|unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, fmt.Errorf("memory for the helper of sessions: %w", err)
	}
	f := os.NewFile(uintptr(fd), "daytwo-session")
	defer f.Close()
	if _, err := io.Copy(f, program); err != nil {
		return nil, fmt.Errorf("the helper of sessions: %w", err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, allSeals); err != nil {
		return nil, fmt.Errorf("seal the helper of sessions: %w", err)
	}
	// A file that is open for writing cannot be executed (ETXTBSY).
	return os.Open("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
}
