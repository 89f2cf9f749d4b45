package journal

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

// lookWait is how long a look at a directory may take before the others go on without
// it. The filesystem of one may be a network's, whose server is gone.
const lookWait = 5 * time.Second

// ErrHeld is the error of a directory that does not respond. Files of it that are open
// stay open, and are read by nobody who begins now.
var ErrHeld = errors.New("the directory does not respond")

// listing is what a look at directories found.
type listing struct {
	dirs   map[string]fileKey // directories that there are, also those below them
	held   []string           // directories that do not respond
	files  map[fileKey]*File  // that can be read
	opened map[*File]bool     // those of files that the look opened
	bad    map[string]error   // by path
	looked
}

func newListing() *listing {
	return &listing{dirs: map[string]fileKey{}, files: map[fileKey]*File{}, opened: map[*File]bool{},
		bad: map[string]error{}, looked: looked{began: time.Now(), states: map[string][]dirState{}}}
}

// Close closes what a look opened that came too late for anybody to take it.
func (l *listing) Close() error {
	var errs []error
	for f := range l.opened {
		errs = append(errs, f.release())
	}
	return errors.Join(errs...)
}

// isHeld reports whether a file is in a directory that does not respond.
func (l *listing) isHeld(path string) bool {
	for _, dir := range l.held {
		if isIn(path, dir) {
			return true
		}
	}
	return false
}

// isIn reports whether a file is in a directory of journal files, or in one below it.
func isIn(path, dir string) bool {
	parent := filepath.Dir(path)
	return parent == filepath.Clean(dir) || filepath.Dir(parent) == filepath.Clean(dir)
}

// addFiles adds what another look has found.
func (l *listing) addFiles(j *Journal, files map[fileKey]*File) {
	for key, f := range files {
		switch l.files[key] {
		case nil:
			l.files[key] = f
		case f:
		default:
			j.discard(f) // both opened it, or it has two names
		}
	}
}

// lookAtAll looks at all directories. Files of one that does not respond are those that
// are known already.
func (j *Journal) lookAtAll() *listing {
	all := newListing()
	for _, dir := range j.o.Dirs {
		have := j.files
		l, err := bounded.Do(j.o.Calls, dir, lookWait, func() (*listing, error) { return j.look(dir, have), nil })
		if err != nil {
			all.held = append(all.held, dir)
			all.bad[dir] = &FileError{Path: dir, Err: ErrHeld}
			for key, f := range j.files {
				if isIn(f.Path(), dir) {
					all.files[key] = f
				}
			}
			continue
		}
		for key, f := range l.files {
			if !l.opened[f] && j.files[key] != f { // the look took so long that it is closed by now
				delete(l.files, key)
			}
		}
		all.addFiles(j, l.files)
		maps.Copy(all.dirs, l.dirs)
		maps.Copy(all.bad, l.bad)
		all.looked.add(dir, &l.looked)
	}
	return all
}

// look looks at one directory and opens files that are not among have.
func (j *Journal) look(dir string, have map[fileKey]*File) *listing {
	l := newListing()
	for _, path := range l.list(dir) {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it went meanwhile
			continue
		case err == nil && !info.Mode().IsRegular(): // opening a device can do something
			err = errNotRegular
		}
		if err != nil {
			l.bad[path] = &FileError{Path: path, Err: withoutPath(err)}
			continue
		}
		key := keyOfInfo(info)
		if f := have[key]; f != nil && f.stays(path, info.Size()) {
			l.files[key] = f
			continue
		}
		f, err := openFile(path)
		switch {
		case errors.Is(err, ErrEmpty) && time.Since(info.ModTime()) < finishWithin:
			l.unfinished = true
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			l.bad[path] = err
		case err == nil && l.files[f.key] != nil:
			j.discard(f) // it has two names
		case err == nil:
			if f.mayHang {
				f.guard = newGuard(j.o.Calls, dir, f.data)
			}
			l.files[f.key], l.opened[f] = f, true
		}
	}
	return l
}

// stays reports whether an open file that was found at a path is still open, and mapped
// far enough for its size.
func (f *File) stays(path string, size int64) bool {
	if !f.acquire() {
		return false
	}
	defer func() { _ = f.release() }() // the journal has a reference of its own
	f.setPath(path)
	if f.guard != nil {
		f.guard.forget()
	}
	f.count()
	return !f.stillLive() || !f.data.outgrown(size)
}

// maxFiles bounds what is opened of a directory tree.
const maxFiles = 16384

// list finds the paths of journal files in a directory and in those right below it.
func (l *listing) list(dir string) (paths []string) {
	var subs []string
	read := func(path string) {
		l.states[dir] = append(l.states[dir], stateOf(path))
		entries, err := os.ReadDir(path)
		if err == nil {
			var info os.FileInfo
			if info, err = os.Stat(path); err == nil {
				l.dirs[path] = keyOfInfo(info)
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.bad[path] = &FileError{Path: path, Err: withoutPath(err)}
		}
		for _, e := range entries {
			path := filepath.Join(path, e.Name())
			switch {
			case e.IsDir():
				subs = append(subs, path)
			case len(paths) < maxFiles && isJournalName(e.Name()):
				paths = append(paths, path)
			}
		}
	}
	read(dir)
	for _, sub := range subs[:len(subs):len(subs)] {
		read(sub)
	}
	return paths
}

// isJournalName reports whether a file is called as journal files are; one that
// was replaced because it was not closed properly ends in a tilde.
func isJournalName(name string) bool {
	return strings.HasSuffix(name, ".journal") || strings.HasSuffix(name, ".journal~")
}
