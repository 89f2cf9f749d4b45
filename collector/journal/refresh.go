package journal

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"time"
)

// finishWithin is how long a file without a header is taken for one that is
// being made, after it was last written to.
const finishWithin = time.Second

// Refresh looks for files that came or went. Readers give back files that are
// gone, even those that nobody reads from at present.
func (j *Journal) Refresh() {
	j.refreshing.Lock()
	defer j.refreshing.Unlock()
	if j.closed {
		return
	}
	files, bad, unfinished := j.look()
	if j.misses(files) {
		// A listing may miss a file that is renamed at that moment, as all are that
		// are rotated: only what two listings miss is gone.
		again, _, _ := j.look()
		for key, f := range again {
			switch files[key] {
			case nil:
				files[key] = f
			case f:
			default:
				j.discard(f) // both opened it
			}
		}
	}
	j.unfinished.Store(unfinished)

	j.mu.Lock()
	old, changed := j.files, !maps.Equal(files, j.files)
	var news []error
	for path, err := range bad {
		if was := j.bad[path]; was == nil || was.Error() != err.Error() {
			news, changed = append(news, err), true
		}
	}
	j.files, j.bad = files, bad
	j.live = j.live[:0]
	for _, f := range files {
		if f.stillLive() {
			j.live = append(j.live, f)
		}
	}
	if changed {
		j.gen.Add(1)
	}
	readers := make([]*Reader, 0, len(j.readers))
	for r := range j.readers {
		readers = append(readers, r)
	}
	j.mu.Unlock()

	for _, err := range news {
		j.o.Log.Warn("a journal file cannot be read; all others are", "err", err)
	}
	for key, f := range old {
		if files[key] != f {
			j.discard(f)
		}
	}
	for _, r := range readers {
		if r.mu.TryLock() { // else it is reading, and looks itself at its next step
			r.sync()
			r.mu.Unlock()
		}
	}
}

// misses reports whether a file that was there is not among files.
func (j *Journal) misses(files map[fileKey]*File) bool {
	for key := range j.files {
		if files[key] == nil {
			return true
		}
	}
	return false
}

func (j *Journal) discard(f *File) {
	if err := f.release(); err != nil {
		j.o.Log.Warn("a journal file could not be closed", "path", f.Path(), "err", err)
	}
}

// look opens files that are new, and returns all that are there by now, what
// cannot be read, and whether a file is just being made.
func (j *Journal) look() (files map[fileKey]*File, bad map[string]error, unfinished bool) {
	paths, bad := j.list()
	files = map[fileKey]*File{}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) { // else it went meanwhile
				bad[path] = &FileError{Path: path, Err: withoutPath(err)}
			}
			continue
		}
		key := keyOfInfo(info)
		f := j.files[key]
		if f != nil {
			f.setPath(path)
			f.count()
			if !f.stillLive() || !f.data.outgrown(info.Size()) {
				files[key] = f
				continue
			}
		}
		f, err = openFile(path)
		switch {
		case errors.Is(err, ErrEmpty) && time.Since(info.ModTime()) < finishWithin:
			unfinished = true
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			bad[path] = err
		case err == nil && files[f.key] != nil:
			j.discard(f) // it has two names
		case err == nil:
			files[f.key] = f
		}
	}
	return files, bad, unfinished
}
