package logfile

import (
	"errors"
	"io/fs"
)

// target is where a reader seeks to.
type target struct {
	kind   targetKind
	time   int64
	cursor Cursor
}

type targetKind uint8

const (
	atHead targetKind = iota
	atTail
	atTime
	afterCursor
	atCursor
)

// SeekHead goes before the first line.
func (r *Reader) SeekHead() { r.seek(target{kind: atHead}) }

// SeekTail goes behind the last line that is complete now.
func (r *Reader) SeekTail() { r.seek(target{kind: atTail}) }

// SeekTime goes before the first line of a time or later, in nanoseconds since 1970.
// Lines are in the order in which their runtime wrote them, which is nearly that of
// their times.
func (r *Reader) SeekTime(ns int64) { r.seek(target{kind: atTime, time: ns}) }

// SeekAfter goes behind the line of a cursor. If its file is gone, it goes before the
// first later line, and Errors says that lines were lost, perhaps.
func (r *Reader) SeekAfter(c Cursor) { r.seek(target{kind: afterCursor, cursor: c}) }

// SeekCursor goes before the line of a cursor, which Next then goes to; it is
// SeekAfter if the line is gone.
func (r *Reader) SeekCursor(c Cursor) { r.seek(target{kind: atCursor, cursor: c}) }

func (r *Reader) seek(t target) {
	r.target, r.settled = t, false
	r.on, r.fwd, r.peeked, r.repeat, r.back.ok = false, false, false, false, false
	r.queue = r.queue[:0]
	r.cur, r.ahead = place{}, place{}
	r.join.reset(r.l, true)
	r.changes = 0
}

// settle goes to the target.
func (r *Reader) settle() {
	if r.settled {
		return
	}
	r.settled = true
	r.sweep()
	names, err := r.names()
	if err == nil && len(names) == 0 {
		err = fileError(r.l.path, fs.ErrNotExist)
	}
	if err != nil {
		r.fail(err)
		return
	}
	switch t := &r.target; t.kind {
	case atHead:
		r.settleHead()
	case atTail:
		r.settleTail(names)
	case atTime:
		r.settleTime(names, t.time)
	case afterCursor, atCursor:
		r.settleCursor(names, &t.cursor)
	}
}

func (r *Reader) settleHead() {
	if r.refresh(); len(r.queue) > 0 {
		r.cur = place{f: r.queue[0], exact: true}
	}
}

// atEnd is the sub of a place behind all lines that end at an offset.
const atEnd = 1 << 30

func (r *Reader) settleTail(names []name) {
	f := r.newest(names, len(names), func(*file) bool { return true })
	if f == nil {
		return
	}
	end, err := r.tail(f)
	if err != nil {
		r.fail(fileError(f.path, err))
	}
	r.cur = place{f: f, end: end, sub: atEnd}
}

// newest opens the newest of the first n files that is as wanted; nil if none is.
func (r *Reader) newest(names []name, n int, wanted func(*file) bool) *file {
	for i := n - 1; i >= 0; i-- {
		f, err := r.open(names[i])
		switch {
		case errors.Is(err, fs.ErrNotExist): // it was rotated away just now
		case err != nil:
			r.fail(err)
		case wanted(f):
			return f
		}
	}
	return nil
}

func (r *Reader) settleTime(names []name, ns int64) {
	f := r.newest(names, len(names), func(f *file) bool { return f.id != 0 && f.first <= ns })
	if f == nil {
		r.settleHead() // all is later
	} else {
		start, err := r.timeIn(f, ns)
		if err != nil {
			r.fail(fileError(f.path, err))
		}
		r.cur = place{f: f, end: start}
	}
	for r.peek() {
		if r.line.Time >= ns {
			r.cur, r.on = r.ahead, true // what is before it is before the time
			return
		}
		r.cur, r.curTime, r.peeked = r.ahead, r.line.Time, false
	}
}

// timeSlack is how much earlier than a time the search for it ends, in bytes, as the
// records of the streams are not quite in the order of their times.
const timeSlack = 64 << 10

// timeIn finds a place in a file where all lines of a time or later are ahead.
func (r *Reader) timeIn(f *file, ns int64) (int64, error) {
	if f.gz != nil || f.format == DockerLocal {
		return 0, nil // it can only be read from the start
	}
	low, high := int64(0), f.known
	var rec record
	s := scanner{parser: parser{format: f.format}, first: true}
	for high-low > timeSlack {
		middle := low + (high-low)/2
		at, err := f.lineAfter(middle)
		if err != nil {
			return 0, err
		}
		ok := false
		for s.seek(f, at); ; {
			ok, err = s.next(&rec)
			if !isBad(err) {
				break
			}
		}
		switch {
		case err != nil:
			return 0, err
		case !ok || rec.time >= ns:
			high = middle
		default:
			low = middle
		}
	}
	return f.lineAfter(low - timeSlack)
}

func (r *Reader) settleCursor(names []name, c *Cursor) {
	byID := func(id uint64) *file {
		return r.newest(names, len(names), func(f *file) bool { return f.id == id })
	}
	f := byID(c.file)
	if f == nil {
		r.settleTime(names, c.time+1)
		r.fail(&LostError{Path: r.l.path, Cause: Rotated})
		return
	}
	r.cur = place{f: f, end: c.offset, sub: c.sub, exact: true}
	r.curTime = c.time
	for s, m := range c.open {
		if m.file == 0 {
			continue
		}
		if o := byID(m.file); o != nil {
			r.cur.from[s] = mark{o, m.offset}
		} else {
			r.fail(&LostError{Path: r.l.path, Cause: Rotated, Sure: true})
		}
	}
	if r.target.kind == atCursor && r.Previous() {
		if r.cur.f.is(f) && r.cur.end == c.offset && r.cur.sub == c.sub {
			r.repeat = true
			return
		}
		r.cur, r.on = place{f: f, end: c.offset, sub: c.sub, exact: true}, false // it is not there
		r.back.ok = false
	}
}
