package journal

import (
	"fmt"
	"os"

	"github.com/fsnotify/fsnotify"

	"github.com/daytwo/daytwo/collector/bounded"
)

// watch watches directories for files that come and go.
type watch struct {
	j       *Journal
	watched map[string]fileKey
	missing []string          // directories that are not there, so they cannot be watched
	inotify *fsnotify.Watcher // nil: none is to be had
}

func newWatch(j *Journal) (*watch, error) {
	w := &watch{j: j}
	var err error
	if w.inotify, err = fsnotify.NewWatcher(); err != nil {
		w.inotify = nil
	}
	w.update()
	return w, err
}

func (w *watch) close() {
	w.bounded("close", func() { _ = w.inotify.Close() }) // nothing is left to be done about an error
}

// bounded calls fn, which uses inotify, and does not wait for it longer than lookWait: a
// path may lead to a filesystem that does not respond.
func (w *watch) bounded(what string, fn func()) {
	if w.inotify == nil {
		return
	}
	key := fmt.Sprintf("%s %p", what, w) // a late answer to another journal must not stand for this one
	_, _ = bounded.Do(w.j.o.Calls, key, lookWait, func() (struct{}, error) { fn(); return struct{}{}, nil })
}

func (w *watch) events() <-chan fsnotify.Event {
	if w.inotify == nil {
		return nil
	}
	return w.inotify.Events
}

func (w *watch) errors() <-chan error {
	if w.inotify == nil {
		return nil
	}
	return w.inotify.Errors
}

// update watches all directories that the journal found when it looked last, and reports
// whether there are new ones. To watch one again that is watched already changes nothing.
func (w *watch) update() (came bool) {
	w.j.refreshing.Lock()
	dirs := w.j.dirs // replaced, never changed
	w.j.refreshing.Unlock()
	for dir, key := range dirs {
		came = came || w.watched[dir] != key
	}
	w.bounded("watch", func() {
		for dir := range dirs {
			_ = w.inotify.Add(dir) // it went meanwhile, or is listed every two seconds
		}
	})
	w.watched, w.missing = dirs, w.missing[:0]
	for _, dir := range w.j.o.Dirs {
		if _, ok := dirs[dir]; !ok {
			w.missing = append(w.missing, dir)
		}
	}
	return came
}

// missingCame reports whether a directory that was missing is there.
func (w *watch) missingCame() bool {
	for _, dir := range w.missing {
		there, err := bounded.Do(w.j.o.Calls, "missing "+dir, lookWait, func() (bool, error) {
			_, err := os.Stat(dir)
			return err == nil, nil
		})
		if there && err == nil {
			return true
		}
	}
	return false
}

// changesListing reports whether a directory has other files after an event than before.
func changesListing(e fsnotify.Event) bool {
	return e.Has(fsnotify.Create) || e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)
}
