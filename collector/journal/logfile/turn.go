package logfile

import (
	"errors"
	"time"
)

// settleTime is how long a file is read on once a newer one is there: the runtimes of
// Kubernetes make the new file before they stop to write to the old one.
const settleTime = 50 * time.Millisecond

var errUnfinished = errors.New("the last record is not complete")

// turn is called at the end of the file that is read. It reports whether to read on,
// in the same file or in the next one.
func (r *Reader) turn() bool {
	if len(r.queue) == 0 {
		if r.refresh(); len(r.queue) == 0 {
			return false
		}
		r.scan.seek(r.queue[0], 0)
		return true
	}
	f := r.queue[0]
	ended := r.ended.Load()
	if r.shrunk(f) {
		r.truncated(f)
		return true
	}
	if len(r.queue) == 1 {
		if r.refresh(); len(r.queue) > 1 {
			f.left = false
		}
	}
	newer := len(r.queue) > 1
	switch {
	case !newer && !ended:
		f.left = false
		return false
	case !f.left && newer && r.mayGrow(f):
		return false
	case !f.left:
		f.left, r.leaveAt = true, 0
		return true // to what was written until the newer one was there
	case r.leaving() && r.join.marks() != [streams]mark{}:
		return true // to the lines that are open
	}
	if rest := len(r.scan.buf) - r.scan.at; rest > 0 && !f.dead {
		r.fail(&BadError{f.path, r.scan.pos(), int64(rest), errUnfinished})
		r.scan.at += rest
	}
	if newer {
		r.leave(f)
	}
	return newer
}

// leaving reports whether all of the file that is read was read, and what follows is
// not of the same start of the container, or nothing follows any more.
func (r *Reader) leaving() bool {
	f := r.queue[0]
	if len(r.queue) > 1 {
		next := r.queue[1]
		return f.left && (next.attempt != f.attempt || next.lost != nil)
	}
	return f.left && r.ended.Load()
}

// mayGrow reports whether a file that was rotated may still be written to.
func (r *Reader) mayGrow(f *file) bool {
	if r.l.format != CRI || !r.follows || !f.moved || f.dead {
		return false
	}
	now := time.Now().UnixNano()
	if r.leaveAt == 0 {
		r.leaveAt = now + int64(settleTime)
	}
	return now < r.leaveAt
}

// leave goes on with the next file.
func (r *Reader) leave(f *file) {
	for s := range r.skip {
		if m := r.skip[s]; m.f != nil && m.f.is(f) {
			r.skip[s].f = nil
		}
	}
	r.queue = append(r.queue[:0], r.queue[1:]...)
	next := r.queue[0]
	if next.lost != nil {
		r.fail(next.lost)
		next.lost = nil
	}
	r.scan.seek(next, 0)
	r.sweep()
}

// shrunk reports whether a file was truncated under the reader.
func (r *Reader) shrunk(f *file) bool {
	if f.gz != nil || f.dead {
		return false
	}
	size, err := f.size()
	if err != nil {
		return false
	}
	short := size < r.scan.off+int64(len(r.scan.buf)) || f.replaced()
	f.known = max(f.known, size)
	return short
}

// truncated goes on after the file that is read was truncated: in the copy that was
// made of it before (copytruncate), if there is one; then from the start.
func (r *Reader) truncated(f *file) {
	pos := r.scan.pos()
	g, err := f.again()
	if err != nil {
		f.dead = true
		r.fail(err)
		return
	}
	r.all[g] = true
	r.queue[0] = g
	if c := r.copyOf(f); c != nil {
		r.queue = append([]*file{c}, r.queue...)
		r.scan.seek(c, pos)
		return
	}
	if g.known >= pos && (g.id != 0 && g.headAt >= pos || g.isHole(pos)) {
		// The writer went on at its old offset: what is a hole now was lost.
		r.scan.seek(g, pos)
		return
	}
	g.lost = &LostError{Path: f.path, Cause: Truncated, Bytes: max(f.known-pos, 0), Sure: f.known > pos}
	f.left = true
	r.queue = append([]*file{f}, r.queue...)
	r.scan.seek(f, pos)
}

// isHole reports whether there is a NUL in front of an offset.
func (f *file) isHole(off int64) bool {
	if off == 0 {
		return false
	}
	var b [1]byte
	n, err := f.readAt(b[:], off-1)
	return err == nil && n == 1 && b[0] == 0
}
