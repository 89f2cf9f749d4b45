package containers

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/collector/bounded"
)

// watch reports through inotify when entries of directories are created or removed. A
// nil watch reports nothing.
//
// It does not use fsnotify, which holds its lock during inotify_add_watch(2): one
// directory whose filesystem hangs would stop the events of all others.
type watch struct {
	r       *Resolver
	fd      int
	file    *os.File // of fd
	changed chan struct{}

	mu    sync.Mutex
	dirs  map[int32]string
	fresh []string
	lost  bool // some entries are missing in fresh
}

// maxWatched limits how many directories are watched.
const maxWatched = 1024

func newWatch(r *Resolver) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	return &watch{r: r, fd: fd, file: os.NewFile(uintptr(fd), "inotify"),
		changed: make(chan struct{}, 1), dirs: map[int32]string{}}, nil
}

// add watches a directory, unless it is watched already. An event that arrives before
// the directory is in dirs is ignored. Nothing is lost, because the caller reads the
// directory after add.
func (w *watch) add(dir string) error {
	if w == nil || w.full() {
		return nil
	}
	// inotify_add_watch(2) resolves the path, so it may block on the filesystem.
	wd, err := bounded.Do(w.r.calls.files(dir), "watch "+dir, fileWait, func() (int, error) {
		return unix.InotifyAddWatch(w.fd, dir, unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVED_TO|unix.IN_ONLYDIR)
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dirs[int32(wd)] = dir
	return nil
}

func (w *watch) full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.dirs) >= maxWatched
}

// wait reads events until the watch is closed.
func (w *watch) wait() {
	buf := make([]byte, 64*(unix.SizeofInotifyEvent+unix.NAME_MAX+1))
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			return
		}
		w.events(buf[:n])
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
}

// events reads inotify_event records: wd, mask, cookie, len (32 bits each, host
// order), and a name padded with NULs.
func (w *watch) events(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(b) >= unix.SizeofInotifyEvent {
		wd, mask := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
		n := int(binary.NativeEndian.Uint32(b[12:]))
		b = b[unix.SizeofInotifyEvent:]
		if n < 0 || n > len(b) {
			return
		}
		name := strings.TrimRight(string(b[:n]), "\x00")
		b = b[n:]
		w.lost = w.lost || mask&unix.IN_Q_OVERFLOW != 0
		if mask&unix.IN_IGNORED != 0 {
			delete(w.dirs, wd)
		}
		if dir := w.dirs[wd]; dir == "" || name == "" {
			continue
		} else if len(w.fresh) < maxStates {
			w.fresh = append(w.fresh, filepath.Join(dir, name))
		} else {
			w.lost = true
		}
	}
}

// changes returns a channel that is signalled after events.
func (w *watch) changes() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.changed
}

// take returns the entries that were created or removed since the last call. lost
// reports whether there were others that are unknown.
func (w *watch) take() (fresh []string, lost bool) {
	if w == nil {
		return nil, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh, lost = w.fresh, w.lost
	w.fresh, w.lost = nil, false
	return fresh, lost
}

func (w *watch) close() { w.file.Close() }
