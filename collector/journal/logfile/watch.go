package logfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Watcher tells readers, by inotify, of what happens in directories with log files.
// All readers of a process share one, since the kernel allows few (128 a user, by
// default). It is safe for concurrent use.
type Watcher struct {
	file *os.File
	raw  syscall.RawConn
	done chan struct{}

	mu   sync.Mutex // held while events are read, so that they are read in order
	buf  [16 << 10]byte
	dirs map[string]*watchedDir
	byWD map[int32]*watchedDir
}

// watchedDir is a directory that is watched, for all logs in it.
type watchedDir struct {
	w    *Watcher
	path string
	wd   int32
	refs int
	news chan struct{} // closed at the next event
	made map[string]uint64
	// lossy rises when events were lost: then made is too small.
	lossy   uint64
	changes uint64 // how often files came or went
}

const watchMask = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MODIFY | unix.IN_DELETE | unix.IN_MOVED_FROM |
	unix.IN_ONLYDIR

// NewWatcher makes a watcher. Close it.
func NewWatcher() (*Watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("log files cannot be watched: %w (see fs.inotify.max_user_instances)", err)
	}
	w := &Watcher{file: os.NewFile(uintptr(fd), "inotify"), done: make(chan struct{}),
		dirs: map[string]*watchedDir{}, byWD: map[int32]*watchedDir{}}
	if w.raw, err = w.file.SyscallConn(); err != nil {
		w.file.Close()
		return nil, err
	}
	go w.run()
	return w, nil
}

// Close ends the watching. Readers that wait look at their files once in a while then.
func (w *Watcher) Close() error {
	err := w.file.Close()
	<-w.done
	return err
}

// restAfter is how long events are left to gather before the next ones are read:
// somebody who writes line by line makes one for each.
const restAfter = time.Millisecond

func (w *Watcher) run() {
	defer close(w.done)
	for {
		err := w.raw.Read(func(fd uintptr) bool { return w.read(int(fd)) })
		if err != nil {
			return // it was closed
		}
		time.Sleep(restAfter)
	}
}

// catchUp takes in the events that happened before it was called.
func (w *Watcher) catchUp() {
	_ = w.raw.Control(func(fd uintptr) { w.read(int(fd)) }) // the only error is that it was closed
}

// read takes in all events, and reports whether there were any.
func (w *Watcher) read(fd int) (any bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		n, err := unix.Read(fd, w.buf[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			return any
		}
		any = true
		for b := w.buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			w.event(int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:]), b[unix.SizeofInotifyEvent:size])
			b = b[size:]
		}
	}
}

func (w *Watcher) event(wd int32, mask uint32, name []byte) {
	if mask&unix.IN_Q_OVERFLOW != 0 {
		for _, d := range w.dirs {
			d.lossy++
			d.changes++
			d.wake()
		}
		return
	}
	d := w.byWD[wd]
	if d == nil {
		return
	}
	if mask&unix.IN_IGNORED != 0 { // the directory went
		delete(w.byWD, wd)
		d.wd, d.lossy = -1, d.lossy+1
	}
	if mask&^unix.IN_MODIFY != 0 {
		d.changes++
	}
	if mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0 {
		for i, c := range name {
			if c == 0 {
				name = name[:i]
				break
			}
		}
		if n, ok := d.made[string(name)]; ok {
			d.made[string(name)] = n + 1
		}
	}
	d.wake()
}

func (d *watchedDir) wake() {
	close(d.news)
	d.news = make(chan struct{})
}

// watch begins to watch a directory for a live file, and returns nil if that is not
// possible.
func (w *Watcher) watch(dir, live string) *watchedDir {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dirs[dir]
	if d == nil {
		d = &watchedDir{w: w, path: dir, wd: -1, news: make(chan struct{}), made: map[string]uint64{}}
		w.dirs[dir] = d
	}
	d.refs++
	if d.wd < 0 && !d.add() {
		d.drop()
		return nil
	}
	if _, ok := d.made[live]; !ok {
		d.made[live] = 0
	}
	return d
}

// add adds the directory to what the kernel watches. mu is held, but not during the
// system call, which its path may hold for ever.
func (d *watchedDir) add() bool {
	wd, err := -1, error(nil)
	d.w.mu.Unlock()
	closed := d.w.raw.Control(func(fd uintptr) { wd, err = unix.InotifyAddWatch(int(fd), d.path, watchMask) })
	d.w.mu.Lock()
	if closed != nil || err != nil {
		return false
	}
	d.wd = int32(wd)
	d.w.byWD[d.wd] = d
	d.changes++ // what happened meanwhile
	return true
}

// release ends the watching for one reader.
func (d *watchedDir) release() {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	d.drop()
}

// drop is release; mu is held.
func (d *watchedDir) drop() {
	if d.refs--; d.refs > 0 {
		return
	}
	delete(d.w.dirs, d.path)
	if d.wd < 0 {
		return
	}
	delete(d.w.byWD, d.wd)
	_ = d.w.raw.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(d.wd)) })
}

// state returns how often the live file of a log was made since it is watched. That
// number is too small once events were lost, which lossy counts.
func (d *watchedDir) state(l *Log) (made int64, lossy uint64) {
	if d == nil {
		return 0, 0
	}
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	return int64(d.made[filepath.Base(l.path)]), d.lossy
}

// changed returns how often files came or went.
func (d *watchedDir) changed() uint64 {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	return d.changes
}

// works reports whether events come.
func (d *watchedDir) works() bool {
	if d == nil {
		return false
	}
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	return d.wd >= 0
}

// next returns a channel that is closed at the next event, and whether events come.
func (d *watchedDir) next() (<-chan struct{}, bool) {
	if d == nil {
		return nil, false
	}
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	if d.wd < 0 {
		d.add() // it was made again
	}
	return d.news, d.wd >= 0
}
