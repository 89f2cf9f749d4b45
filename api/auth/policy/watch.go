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
	if f.o.Path == "" { // NoFile
		<-ctx.Done()
		return
	}
	w := watcher{dir: filepath.Dir(f.o.Path)}
	inotify, err := f.inotify()
	if err != nil {
		f.o.Log.Warn("changes of the policy are noticed late, as inotify is not available", "err", err)
	} else {
		defer inotify.Close()
		w.inotify = inotify
		w.follow(f.o.Path)
	}
	poll := time.NewTicker(f.poll)
	defer poll.Stop()
	soon := time.NewTimer(0) // it may have changed since Open
	defer soon.Stop()
	var last reading
	look := func() {
		w.follow(f.o.Path)
		now := f.read()
		f.mu.Lock()
		known := f.seen.equal(&now)
		f.mu.Unlock()
		switch {
		case known:
		case last.equal(&now):
			f.use(&now)
		default:
			soon.Reset(f.settle)
		}
		last = now
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.events():
			soon.Reset(f.settle / 4) // for what comes together with it
		case <-w.errors(): // an overflow of events, say: the file is read anyway
		case <-soon.C:
			look()
		case <-poll.C:
			look()
		}
	}
}

// watcher watches the directory of the file, in which Kubernetes swaps the link ..data, and
// the directory where the file is, if its name is a link.
type watcher struct {
	dir     string
	real    string
	inotify *fsnotify.Watcher // nil if there is none
}

// follow watches where the file is now.
func (w *watcher) follow(path string) {
	if w.inotify == nil {
		return
	}
	_ = w.inotify.Add(w.dir) // again, in case that it was replaced; what fails is left to polling
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return
	}
	real = filepath.Dir(real)
	if real != w.real && w.real != "" && w.real != w.dir {
		_ = w.inotify.Remove(w.real)
	}
	if w.real = real; real != w.dir {
		_ = w.inotify.Add(real)
	}
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
