package recent

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
)

const (
	slowPause = 30 * time.Second // after a read that took too long, no read is tried for so long
	maxReads  = 64               // reads that run at once
)

// errSlowDisk is the error of a read that took too long, and of all reads within
// slowPause after it, which are not tried.
var errSlowDisk = errors.New("the disk does not respond")

// reads bounds how long a reader waits for a disk that does not respond, and how many
// threads wait for it in the kernel. A nil *reads has no bounds.
type reads struct {
	wait    time.Duration // bound of one read
	running atomic.Int64
	until   atomic.Int64 // the end of the current slowPause, Unix nanoseconds
}

// readAt fills b from a file. After an error the caller must not use b, since the read
// may still be running and write to it.
func (r *reads) readAt(f *os.File, b []byte, off int64) error {
	if r == nil {
		_, err := f.ReadAt(b, off)
		return err
	}
	if time.Now().UnixNano() < r.until.Load() || r.running.Load() >= maxReads {
		return errSlowDisk
	}
	r.running.Add(1)
	done := make(chan error, 1)
	go func() {
		_, err := f.ReadAt(b, off)
		r.running.Add(-1)
		done <- err
	}()
	patience := time.NewTimer(r.wait)
	defer patience.Stop()
	select {
	case err := <-done:
		return err
	case <-patience.C:
		r.until.Store(time.Now().Add(slowPause).UnixNano())
		return errSlowDisk
	}
}
