package journal

import (
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// watch watches directories for files that come and go.
type watch struct {
	dirs    []string
	missing []string          // of dirs: they are not there, so they cannot be watched
	inotify *fsnotify.Watcher // nil: none is to be had
}

func newWatch(dirs []string) (*watch, error) {
	w := &watch{dirs: dirs}
	var err error
	if w.inotify, err = fsnotify.NewWatcher(); err != nil {
		w.inotify = nil
	}
	w.update()
	return w, err
}

func (w *watch) close() {
	if w.inotify != nil {
		_ = w.inotify.Close() // nothing is left to be done about it
	}
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

// update watches all directories that are there now. To watch one again that is
// watched already changes nothing.
func (w *watch) update() {
	w.missing = w.missing[:0]
	for _, dir := range w.dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			w.missing = append(w.missing, dir)
			continue
		}
		w.add(dir)
		for _, e := range entries {
			if e.IsDir() {
				w.add(filepath.Join(dir, e.Name()))
			}
		}
	}
}

func (w *watch) add(dir string) {
	if w.inotify != nil {
		_ = w.inotify.Add(dir) // it went meanwhile, or is listed every two seconds
	}
}

// missingCame reports whether a directory that was missing is there.
func (w *watch) missingCame() bool {
	for _, dir := range w.missing {
		if _, err := os.Stat(dir); err == nil {
			return true
		}
	}
	return false
}

// tells reports whether an event says that files came or went. What is written
// to them is seen by polling.
func tells(e fsnotify.Event) bool {
	return e.Has(fsnotify.Create) || e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)
}
