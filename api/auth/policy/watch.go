package policy

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// pollEvery is how often the file is read where nothing tells of changes: on NFS, or
	// behind a symbolic link in another directory.
	pollEvery = 2 * time.Second
	// settle is how long a new content must stay as it is before it is used. A file that is
	// half written may be valid, and allow more: a rule whose where is missing yet.
	settle = 200 * time.Millisecond
)

// Run follows changes of the file until ctx ends.
func (f *File) Run(ctx context.Context) {
	w := watcher{path: f.o.Path}
	inotify, err := f.inotify()
	if err != nil {
		f.o.Log.Warn("changes of the policy are noticed late, as inotify is not available", "err", err)
	} else {
		defer inotify.Close()
		w.inotify = inotify
		w.follow()
	}
	poll := time.NewTicker(f.poll)
	defer poll.Stop()
	soon := time.NewTimer(0) // it may have changed since Open
	defer soon.Stop()
	waits := true // for soon
	wait := func(d time.Duration) {
		if !waits {
			soon.Reset(d)
			waits = true
		}
	}
	var last reading
	var since time.Time // when last was seen first
	look := func() {
		w.follow()
		now := f.read()
		f.mu.Lock()
		known := f.seen.equal(&now)
		f.mu.Unlock()
		if !last.equal(&now) {
			last, since = now, time.Now()
		}
		if known {
			return
		}
		if left := f.settle - time.Since(since); left > 0 {
			wait(left)
			return
		}
		f.use(&now)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-w.events():
			if w.concerns(e.Name) {
				wait(f.settle / 4) // for what comes together with it
			}
		case <-w.errors(): // an overflow of events, say: the file is read anyway
		case <-soon.C:
			waits = false
			look()
		case <-poll.C:
			look()
		}
	}
}

// watcher watches the directory of the file, in which Kubernetes swaps the link ..data, and
// the directory where the file is, if its name is a link.
type watcher struct {
	path    string
	real    string            // where it is
	inotify *fsnotify.Watcher // nil if there is none
}

// concerns reports whether an event may be about the file. Its directory may hold files
// that change all the time.
func (w *watcher) concerns(name string) bool {
	return filepath.Base(name) == "..data" || name == w.real || filepath.Base(name) == filepath.Base(w.path)
}

// follow watches where the file is now.
func (w *watcher) follow() {
	if w.inotify == nil {
		return
	}
	dir, before := filepath.Dir(w.path), filepath.Dir(w.real)
	_ = w.inotify.Add(dir) // again, in case that it was replaced; what fails is left to polling
	real, err := filepath.EvalSymlinks(w.path)
	if err != nil {
		return
	}
	if now := filepath.Dir(real); now != dir {
		_ = w.inotify.Add(now)
	}
	if w.real != "" && before != dir && before != filepath.Dir(real) {
		_ = w.inotify.Remove(before)
	}
	w.real = real
}

func (w *watcher) events() <-chan fsnotify.Event {
	if w.inotify == nil {
		return nil
	}
	return w.inotify.Events
}

func (w *watcher) errors() <-chan error {
	if w.inotify == nil {
		return nil
	}
	return w.inotify.Errors
}
