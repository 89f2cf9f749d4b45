package logfile

import (
	"errors"
	"path/filepath"
	"sync/atomic"
)

// Reader reads the lines of a log, forward and back. It is not safe for concurrent
// use, but for End.
type Reader struct {
	l     *Log
	dir   string      // with a slash
	w     *watchedDir // nil: it cannot be watched
	ended atomic.Bool
	wake  chan struct{} // of End

	target  target
	settled bool
	on      bool  // cur is the line that was read last, and not a place between two
	cur     place // of it, or before all that is ahead
	curTime int64 // of its line, in nanoseconds since 1970
	line    Line
	attrs   attrFields
	errs    []error

	// Forward: the files from the one that is read to the live one, as they were
	// opened.
	queue   []*file
	fwd     bool // scan and join are behind cur, or behind ahead
	scan    scanner
	join    joiner
	rec     record
	again   bool // rec is to be added again
	skip    [streams]mark
	peeked  bool  // line is the next one, and
	ahead   place // its place
	repeat  bool  // line, at cur, is to be returned by Next once more
	changes uint64
	follows bool  // Wait was called
	leaveAt int64 // when the file that is read may be left, in nanoseconds; 0: not known

	told map[string]bool // errors of files, so that each is told once
	back backward
	all  map[*file]bool // those that are open
}

// Reader makes a reader that stands before the first line. Close it.
func (l *Log) Reader() *Reader {
	dir, base := filepath.Split(l.path)
	return &Reader{l: l, dir: dir, w: l.o.Watcher.watch(dir, base), wake: make(chan struct{}, 1), all: map[*file]bool{}}
}

// Close closes the files.
func (r *Reader) Close() {
	r.queue, r.fwd, r.back = nil, false, backward{}
	for f := range r.all {
		f.close()
	}
	clear(r.all)
	if r.w != nil {
		r.w.release()
		r.w = nil
	}
}

// End tells the reader that the container has ended and that its runtime has written
// all that there was. A line without end is shown then, and Wait returns io.EOF after
// the last line. End may be called while another method runs.
func (r *Reader) End() {
	r.ended.Store(true)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Next goes to the next line and reports whether there is one; there may be one
// later: see Wait. What Errors returns then happened before the line.
func (r *Reader) Next() bool {
	r.settle()
	if r.repeat {
		r.repeat = false
		return true
	}
	if !r.peek() {
		return false
	}
	r.peeked, r.on, r.cur, r.back.ok = false, true, r.ahead, false
	r.curTime = r.line.Time
	return true
}

// peek reads the next line, if it was not read yet.
func (r *Reader) peek() bool {
	if !r.fwd {
		r.startForward()
	}
	if !r.peeked {
		r.peeked = r.load()
	}
	return r.peeked
}

// Line returns the line that Next or Previous went to. It is valid until the next
// call of a method.
func (r *Reader) Line() *Line { return &r.line }

// Errors returns what went wrong since it was last called: a *FileError for a file
// that is not read, a *LostError for lines that were destroyed before they were read,
// a *BadError for bytes that are no records, a *CutError for a line that is too long.
// Everything else is read.
func (r *Reader) Errors() []error {
	errs := r.errs
	r.errs = nil
	return errs
}

// maxErrors bounds how many errors are kept for Errors.
const maxErrors = 1000

// fail keeps an error for Errors. What is bad in one piece is one error.
func (r *Reader) fail(err error) {
	var bad, last *BadError
	if n := len(r.errs); n > 0 && errors.As(err, &bad) && errors.As(r.errs[n-1], &last) &&
		last.Path == bad.Path && last.Offset+last.Bytes == bad.Offset {
		last.Bytes += bad.Bytes
		return
	}
	var file *FileError
	if errors.As(err, &file) {
		if r.told[err.Error()] {
			return
		}
		if r.told == nil || len(r.told) == maxErrors {
			r.told = map[string]bool{}
		}
		r.told[err.Error()] = true
	}
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, err)
	}
}

// sweep closes the files that are not needed any more.
func (r *Reader) sweep() {
	need := map[*file]bool{r.cur.f: true, r.ahead.f: true, r.back.f: true}
	for _, f := range r.queue {
		need[f] = true
	}
	begins := func(marks [streams]mark) {
		for _, m := range marks {
			need[m.f] = true
		}
	}
	begins(r.cur.from)
	begins(r.ahead.from)
	begins(r.join.marks())
	for i := range r.back.lines {
		begins(r.back.lines[i].place.from)
	}
	for f := range r.all {
		if need[f] && f.id == 0 { // it is known by the one before it: see look
			need[f.older] = true
		}
	}
	for f := range r.all {
		if !need[f] {
			f.close()
			delete(r.all, f)
		}
	}
	for f := range r.all {
		if f.older != nil && !need[f.older] {
			f.older = nil
		}
	}
}
