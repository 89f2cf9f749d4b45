package containers

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// watch tells by inotify that entries of directories come or go. A nil watch
// tells nothing.
type watch struct {
	file    *os.File
	changed chan struct{}

	mu    sync.Mutex
	dirs  map[int32]string
	fresh []string
}

// maxWatched bounds the directories watched.
const maxWatched = 1024

func newWatch() (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	return &watch{file: os.NewFile(uintptr(fd), "inotify"), changed: make(chan struct{}, 1), dirs: map[int32]string{}}, nil
}

// add watches a directory; one that is watched already stays so.
func (w *watch) add(dir string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.dirs) >= maxWatched {
		return
	}
	c, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) {
		if wd, err := unix.InotifyAddWatch(int(fd), dir, unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVED_TO|unix.IN_ONLYDIR); err == nil {
			w.dirs[int32(wd)] = dir
		}
	})
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
		if mask&unix.IN_IGNORED != 0 {
			delete(w.dirs, wd)
		}
		if dir := w.dirs[wd]; dir != "" && name != "" && len(w.fresh) < maxStates {
			w.fresh = append(w.fresh, filepath.Join(dir, name))
		}
	}
}

// changes is signalled after events have come.
func (w *watch) changes() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.changed
}

// take gives the entries that came or went since it was last called.
func (w *watch) take() []string {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh := w.fresh
	w.fresh = nil
	return fresh
}

func (w *watch) close() { w.file.Close() }
