package logfile

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxQueue bounds how many files are held open to be read later.
const maxQueue = 64

// queueFrom sets the queue to a file and those that follow it.
func (r *Reader) queueFrom(f *file) {
	for i, q := range r.queue {
		if q == f {
			r.queue = append(r.queue[:0], r.queue[i:]...)
			return
		}
	}
	r.queue, r.changes = append(r.queue[:0], f), 0
	if !f.dead {
		r.refresh()
	}
}

// refresh adds the files to the queue that are newer than its last one, or all if it
// is empty.
func (r *Reader) refresh() {
	if !r.changed() {
		return
	}
	// A rotation in the midst of looking would be misread: then all is looked at again.
	for range 100 {
		if r.look() {
			return
		}
	}
	r.changes = 0 // next time
}

// changed reports whether files may have come or gone since it was last called.
func (r *Reader) changed() bool {
	before := r.changes
	if r.w == nil { // the directory may be there now
		if r.w = r.l.o.Watcher.watch(r.dir, filepath.Base(r.l.path)); r.w != nil {
			before = 0
		}
	}
	if r.w != nil {
		r.w.w.catchUp()
		r.changes = r.w.changed() + 1
	}
	if before == 0 || r.changes != before || len(r.queue) == 0 {
		return true
	}
	if r.l.o.Attempts && !r.w.works() {
		return true
	}
	last := r.queue[len(r.queue)-1]
	var st unix.Stat_t
	return unix.Lstat(r.l.path, &st) != nil || last.inode != inode{st.Dev, st.Ino}
}

// look does the work of refresh; it reports false if the directory changed meanwhile.
func (r *Reader) look() bool {
	made, lossy := r.w.state(r.l)
	names, err := r.names()
	if err != nil {
		r.fail(err)
		return true
	}
	var last *file
	next := 0
	if n := len(r.queue); n > 0 {
		last = r.queue[n-1]
		if next = r.find(names, last) + 1; next > 0 {
			last.gen, last.lossy = made-int64(len(names)-next), lossy
			last.moved = last.moved || last.live && !names[next-1].live
			last.live = names[next-1].live
		} else if last.id == 0 && last.older != nil {
			next = r.find(names, last.older) + 1 // where it was
		}
	}
	var fresh []*file
	ok := true
	for i := next; i < len(names) && ok; i++ {
		if len(r.queue)+len(fresh) == maxQueue {
			r.changes = 0 // the rest when there is room
			break
		}
		f, err := r.open(names[i])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			ok = false
		case err != nil:
			r.fail(err)
		case r.queued(f, fresh):
			ok = false
		case last != nil && next == 0 && f.id != 0 && last.id != 0 && f.first <= last.first:
			// It is older than the last one, which is gone.
		default:
			f.gen, f.lossy = made-int64(len(names)-1-i), lossy
			fresh = append(fresh, f)
		}
	}
	if r.w != nil {
		r.w.w.catchUp()
		if m, l := r.w.state(r.l); m != made || l != lossy {
			ok = false
		}
	}
	if !ok {
		return false // files that were opened are found again
	}
	if last != nil && next == 0 && len(fresh) > 0 {
		fresh[0].lost = r.gap(last, fresh[0])
	}
	r.queue = append(r.queue, fresh...)
	if n := len(r.queue); n > 0 && r.queue[n-1].id == 0 {
		r.before(r.queue[n-1]) // an empty file is known by the one before it
	}
	return true
}

// queued reports whether a file is in the queue or in fresh.
func (r *Reader) queued(f *file, fresh []*file) bool {
	for _, files := range [...][]*file{r.queue, fresh} {
		for _, q := range files {
			if q == f {
				return true
			}
		}
	}
	return false
}

// gap says what was lost between two files, of which the former is gone.
func (r *Reader) gap(last, next *file) *LostError {
	e := &LostError{Path: r.l.path, Cause: Rotated}
	if !r.w.works() || r.l.o.Attempts || last.lossy != next.lossy || next.gen <= last.gen {
		return e
	}
	if e.Files, e.Sure = next.gen-last.gen-1, true; e.Files == 0 {
		return nil
	}
	return e
}

// names lists the files of the log, oldest first, without those that are compressed
// at the moment: they are still there as they were.
func (r *Reader) names() ([]name, error) {
	names, err := r.l.names()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	plain := map[string]bool{}
	for _, n := range names {
		if !n.gzip {
			plain[n.base] = true
		}
	}
	kept := names[:0]
	for _, n := range names {
		if !n.gzip || !plain[n.base[:len(n.base)-len(".gz")]] {
			kept = append(kept, n)
		}
	}
	return kept, err
}

// find returns the index of a file among names, -1 if it is gone.
func (r *Reader) find(names []name, f *file) int {
	for i := len(names) - 1; i >= 0; i-- {
		var st unix.Stat_t
		if unix.Lstat(r.dir+names[i].base, &st) == nil && f.inode == (inode{st.Dev, st.Ino}) {
			return i
		}
	}
	if f.id == 0 && f.identify() != nil || f.id == 0 {
		return -1 // it was empty, so there is no other one of that content
	}
	for i := len(names) - 1; i >= 0; i-- { // compressed, or copied
		if o, err := r.open(names[i]); err == nil && o.id == f.id {
			return i
		}
	}
	return -1
}

// open opens a file, or finds it among those that are open.
func (r *Reader) open(n name) (*file, error) {
	f, err := r.l.openFile(r.dir, n)
	if err != nil {
		return nil, err
	}
	for o := range r.all {
		if o.inode == f.inode && !o.dead && o.gz == nil == (f.gz == nil) {
			f.close()
			o.name, o.path = f.name, f.path
			return o, nil
		}
	}
	r.all[f] = true
	return f, nil
}

// copyOf opens the file that has the content that another one had; nil if there is
// none.
func (r *Reader) copyOf(f *file) *file {
	if f.id == 0 {
		return nil
	}
	names, _ := r.names() // an error is told of when the files are listed again
	for i := len(names) - 1; i >= 0; i-- {
		if o, err := r.open(names[i]); err == nil && o.id == f.id && o.inode != f.inode {
			return o
		}
	}
	return nil
}

// before opens the file that is older than another one; nil if there is none.
func (r *Reader) before(f *file) *file {
	if f.older != nil || f.dead {
		return f.older
	}
	names, err := r.names()
	if err != nil {
		r.fail(err)
	}
	for i := r.find(names, f) - 1; i >= 0; i-- {
		o, err := r.open(names[i])
		if err != nil {
			r.fail(err)
			continue
		}
		if o != f && (o.id == 0 || o.id != f.id) {
			f.older = o
			return o
		}
	}
	return nil
}
