package intake

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxReopened limits how many sockets a listener opens because its path was removed or
// replaced. The old sockets stay open for the clients that are connected to them.
const maxReopened = 16

// pathWatch detects when the socket at a path is removed or replaced.
type pathWatch struct {
	stop, done chan struct{}
	once       sync.Once
}

// inode is what a path leads to, 0 if to nothing.
func inode(path string) (dev, ino uint64, err error) {
	var st unix.Stat_t
	err = unix.Lstat(path, &st)
	return uint64(st.Dev), st.Ino, err
}

// watchPath calls reopen when path refers to another file than now. missing permits that
// path does not exist yet, because the socket was taken over. The watch has a goroutine of
// its own, so a filesystem that does not respond holds nothing else. It calls panicked for
// a panic, and goes on.
func watchPath(path string, missing bool, reopen func() error, panicked func(over string, value any)) (*pathWatch,
	error) {
	dev, ino, err := inode(path)
	if err != nil && !(missing && errors.Is(err, fs.ErrNotExist)) {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	w := &pathWatch{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		reopened := 0
		check := func() {
			defer func() {
				if p := recover(); p != nil {
					panicked("the path of a unix socket", p)
				}
			}()
			if d, i, err := inode(path); err == nil && d == dev && i == ino {
				return
			}
			if reopen() != nil {
				return // another process listens there, or the directory is gone: try again
			}
			reopened++
			dev, ino, _ = inode(path)
		}
		for reopened < maxReopened {
			select {
			case <-w.stop:
				return
			case <-tick.C:
			}
			check()
		}
		<-w.stop
	}()
	return w, nil
}

// close ends the watch. It does not wait forever, because the path's filesystem may
// hang.
func (w *pathWatch) close() {
	w.once.Do(func() { close(w.stop) })
	select {
	case <-w.done:
	case <-time.After(watchEvery):
	}
}
