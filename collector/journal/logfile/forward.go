package logfile

import "errors"

// startForward prepares reading from cur on.
func (r *Reader) startForward() {
	r.fwd, r.peeked, r.again, r.leaveAt = true, false, false, 0
	r.skip = [streams]mark{}
	r.scan.format = r.l.format
	c := r.cur
	if c.f == nil { // there was no file
		r.queue = nil
		r.join.reset(r.l, true)
		return
	}
	if !c.exact {
		r.queueFrom(c.f)
		r.prime(&r.join, c.f, c.end)
		r.scan.seek(c.f, c.end)
		return
	}
	r.join.reset(r.l, true)
	start := mark{c.f, c.end}
	for s, m := range c.from {
		if m.f == nil {
			m = mark{c.f, c.end}
		}
		if r.skip[s] = m; !m.f.is(start.f) && !m.f.is(c.f) || m.f.is(start.f) && m.start < start.start {
			start = m
		}
	}
	r.queueFrom(start.f)
	r.scan.seek(start.f, start.start)
}

// load reads the next line into r.line, and its place into r.ahead.
func (r *Reader) load() bool {
	for {
		if !r.again && !r.read() {
			if len(r.queue) > 0 && r.leaving() {
				f := r.queue[0]
				if r.join.endAny(f.attempt, &r.line) {
					r.ahead = place{f: f, end: r.scan.pos(), sub: r.join.sub, from: r.join.marks(), exact: true}
					return true
				}
			}
			if !r.endOfFile() {
				return false
			}
			continue
		}
		f := r.queue[0]
		if r.skipped(f) {
			continue
		}
		r.again = false
		r.learn(&r.join, f, &r.rec)
		added := r.join.add(f, &r.rec, &r.line)
		if added == kept {
			continue
		}
		r.again = added == early
		r.ahead = r.join.place(f, &r.rec, added, &r.line)
		if r.line.Cut {
			r.fail(&CutError{f.path, r.rec.start})
		}
		return true
	}
}

// place is where the line ends that add has made of a record.
func (j *joiner) place(f *file, r *record, a added, line *Line) place {
	if a == complete {
		return place{f: f, end: r.end, from: j.marks(), exact: true}
	}
	p := place{f: f, end: r.start, sub: j.sub, from: j.marks(), exact: true}
	if line.Cut {
		p.from[line.Stream] = mark{f, r.start}
	}
	return p
}

// read reads the next record.
func (r *Reader) read() bool {
	for len(r.queue) > 0 && !r.queue[0].dead {
		f, from := r.queue[0], r.scan.pos()
		ok, err := r.scan.next(&r.rec)
		if hole := r.scan.takeHole(); hole > 0 && from > 0 {
			r.fail(&LostError{Path: f.path, Cause: Truncated, Sure: true, Bytes: hole})
		}
		switch {
		case ok:
			if f.id == 0 {
				if err := f.identify(); err != nil {
					r.fail(fileError(f.path, err))
				}
			}
			return true
		case err == nil:
			return false
		case errors.Is(err, errReplaced):
			r.truncated(f)
		case isBad(err):
			r.fail(err)
		default:
			r.fail(fileError(f.path, err))
			return false
		}
	}
	return false
}

// skipped reports whether the record belongs to a line that was read before the
// place where reading began.
func (r *Reader) skipped(f *file) bool {
	m := &r.skip[r.rec.stream]
	switch {
	case m.f == nil:
		return false
	case !m.f.is(f): // which is an older one: the marks of a file are dropped when it is left
		return true
	case r.rec.start < m.start:
		return true
	}
	m.f = nil
	return false
}
