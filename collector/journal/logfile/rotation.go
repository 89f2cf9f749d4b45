package logfile

import (
	"errors"
	"time"
)

// settleTime is how long a file is read on once a newer one is there: the runtimes of
// Kubernetes make the new file before they stop to write to the old one.
const settleTime = 50 * time.Millisecond

var errUnfinished = errors.New("the last record is not complete")

// endOfFile is called at the end of the file that is read. It reports whether to read on,
// in the same file or in the next one.
func (r *Reader) endOfFile() bool {
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
