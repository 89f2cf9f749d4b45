package journal

import (
	"errors"
	"math"
	"slices"
	"time"
)

// best is the file whose entry comes next in a direction, nil if none has one.
// The entries of one file mostly follow one another, so the runner-up is kept:
// while the leader's entries are before it, no other file is looked at. Without
// one any live file may have got an entry, and all are looked at.
func (r *Reader) best(back bool) *fileCursor {
	if r.next != nil && r.back == back && (r.second != nil || r.alone) && r.peek(r.next, back) &&
		(r.alone || compareIn(back, r.next, r.second) < 0) && r.next.sure() {
		return r.next
	}
	for {
		r.next, r.second, r.back = nil, nil, back
		going := r.compare(back, false)
		if r.next != nil && !back {
			r.compare(back, true)
		}
		r.alone = r.next != nil && going == 1
		if r.next == nil || r.next.sure() || !r.complete() {
			return r.next
		}
	}
}

// compare finds the next entry and the one after it, and returns how many files may have
// entries. With again it looks only at those that had none before. journald writes to
// its files in turn: an entry that was not there when its file was looked at may be older
// than one that was found in another file later, and would be skipped by who reads on
// after that one.
//
// A file whose entries all come after both is not looked into. Files are in the order of
// their first entries, so that mostly the first ones that are looked into have the two.
func (r *Reader) compare(back, again bool) (going int) {
	r.unread = r.unread[:0]
	for _, c := range r.files {
		if c.failed && c.tryAgain() {
			r.resume(c)
		}
		if c.failed && !c.heldAt.IsZero() {
			going++
		}
		switch {
		case c.done(back) || again && !c.idle:
		case c.ready && c.back == back || c.ends() == nil:
			going += r.consider(c, back)
		default:
			r.unread = append(r.unread, c)
		}
	}
	if back {
		slices.Reverse(r.unread)
	}
	for _, c := range r.unread {
		x := c.ends()
		if r.second != nil && x.follow(back, &r.next.e) && x.follow(back, &r.second.e) {
			c.idle = false
			going++
		} else {
			going += r.consider(c, back)
		}
	}
	return going
}

// consider reads the next entry of a file and makes the file next or second if its entry
// comes before theirs. It returns 1 if the file may have entries, else 0.
func (r *Reader) consider(c *fileCursor, back bool) (going int) {
	has := r.peek(c, back)
	if c.idle = !has; !c.done(back) {
		going = 1
	}
	switch {
	case !has:
	case r.next == nil:
		r.next = c
	case compareIn(back, c, r.next) < 0:
		r.next, r.second = c, r.next
	case r.second == nil || compareIn(back, c, r.second) < 0:
		r.second = c // perhaps the same entry: it is dropped once that is read
	}
	return going
}

// complete makes sure that the files that are known are all that there were when they had
// what they have now: journald may have made another one, with an entry that is older than
// the next one of these, and that would be passed over by who reads on after that one. It
// reports whether files came or went.
func (r *Reader) complete() bool {
	now := time.Now()
	for _, c := range r.files {
		if c.end != math.MaxUint64 {
			c.noteEnd()
		}
	}
	complete := r.j.complete()
	if !complete {
		r.j.refreshSince(now)
		complete = r.j.looked.Load().began.After(now) // else a directory did not respond
	}
	changed := r.sync()
	for _, c := range r.files {
		if complete {
			c.sureTo = c.end
		}
	}
	return changed
}

// peek looks for the next entry of a file, other than one that was read from
// another file. A file that cannot be read is left out from then on.
func (r *Reader) peek(c *fileCursor, back bool) bool {
	if !c.checked {
		err := c.f.check()
		if errors.Is(err, ErrHeld) {
			r.fail(c, err)
			return false
		}
		c.checked = true
		if err != nil && !c.f.wiped() { // journald removes files without entries at once
			r.errs = append(r.errs, &FileError{Path: c.f.Path(), Err: err})
		}
	}
	for {
		ok, err := c.peek(back)
		if err != nil {
			r.fail(c, err)
			return false
		}
		if !ok {
			return false
		}
		if !r.repeats(c, back) {
			c.heldAt = time.Time{}
			return true
		}
		c.drop()
	}
}

// repeats reports whether the next entry of a file was read from another file
// already.
func (r *Reader) repeats(c *fileCursor, back bool) bool {
	return r.read && r.current != c && compareEntries(&c.e, &r.e) == 0 || r.e.at != 0 && c.mayCopy() && !back && r.isOld(c)
}
