package recent

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
)

const (
	readAgain = 30 * time.Second // how long no read is tried after one that took longer
	maxReads  = 64               // at once
)

// errSlowDisk is the error of a read that took too long, and of all reads for a
// while after it, which are not tried.
var errSlowDisk = errors.New("the disk does not respond")

// reads bounds how long a reader waits for a disk that does not respond, and how many
// threads wait in the kernel. A nil one bounds nothing.
type reads struct {
	wait    time.Duration // for one read
	running atomic.Int64
	until   atomic.Int64 // no read is tried before, Unix nanoseconds
}

// readAt fills b from a file. After an error b is not to be used: a late read may
// still write to it.
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
		r.until.Store(time.Now().Add(readAgain).UnixNano())
		return errSlowDisk
	}
}
