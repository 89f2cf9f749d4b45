package journal

import (
	"cmp"
	"maps"
	"slices"
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
	j.refresh()
}

// refreshSince is Refresh, unless another one began after a time.
func (j *Journal) refreshSince(t time.Time) {
	j.refreshing.Lock()
	defer j.refreshing.Unlock()
	if !j.looked.Load().began.After(t) {
		j.refresh()
	}
}

// maxLooks bounds how often files are looked for where directories do not come to rest.
const maxLooks = 5

func (j *Journal) refresh() {
	if j.closed {
		return
	}
	found := j.lookAtAll()
	for n := 1; n < maxLooks && (n == 1 && j.misses(found.files) || found.changed(j.o.Calls)); n++ {
		// A listing may miss a file that is renamed at that moment, as all are that
		// are rotated: only what two listings miss is gone.
		again := j.lookAtAll()
		again.addFiles(j, found.files)
		found = again
	}
	files, bad := found.files, found.bad
	sorted := j.sort(files)
	j.dirs = found.dirs
	j.looked.Store(&found.looked)

	j.mu.Lock()
	old, changed := j.files, !maps.Equal(files, j.files)
	var news []error
	for path, err := range bad {
		if was := j.bad[path]; was == nil || was.Error() != err.Error() {
			news, changed = append(news, err), true
		}
	}
	j.files, j.sorted, j.bad = files, sorted, bad
	live := make([]*File, 0, len(j.live))
	for _, f := range files {
		held := found.isHeld(f.Path())
		if f.held.Swap(held) != held {
			changed = true
		}
		if !held && f.live.Load() {
			live = append(live, f)
		}
	}
	j.live = live // replaced, never changed: written reads it
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

// sort sorts files into the directories of Options.Dirs.
func (j *Journal) sort(files map[fileKey]*File) map[string][]*File {
	sorted := map[string][]*File{}
	for _, f := range slices.SortedFunc(maps.Values(files), byPath) {
		path := f.Path()
		dir := j.o.Dirs[max(0, slices.IndexFunc(j.o.Dirs, func(dir string) bool { return isIn(path, dir) }))]
		sorted[dir] = append(sorted[dir], f)
	}
	return sorted
}

func byPath(a, b *File) int { return cmp.Compare(a.Path(), b.Path()) }

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
