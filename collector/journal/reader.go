package journal

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Reader walks the entries of a journal's files in one order, forward and back.
// It is not safe for concurrent use; any number of readers may share a journal.
type Reader struct {
	j     *Journal
	match Match

	// mu is held by every call. It is free between two calls, so that the
	// journal can take back a file that is gone from a reader that rests.
	mu      sync.Mutex
	closed  bool
	gen     uint64 // of the files, as the journal counts
	files   []*fileCursor
	dec     decoder
	target  target
	settled bool // files are at target, or have gone on from there
	// soughtTail is the time when files were put at their tails, in microseconds
	// since 1970.
	soughtTail uint64
	groups     []*group
	crossing   crossing
	authors    []*author
	placed     bool          // last of authors is right
	current    *fileCursor   // of the entry that was read last, nil if it is gone
	e          entry         // the one that was read last; at the tail, the last one there was
	read       bool          // e was read
	rendered   bool          // and its fields were asked for
	next       *fileCursor   // whose entry is the smallest one ahead, with
	second     *fileCursor   // the one that follows it; nil: none, or not known
	alone      bool          // no other file than next will have an entry
	unread     []*fileCursor // of compare
	back       bool          // direction of next
	errs       []error
	names      fieldNames
	slot       renderSlot // the field that was rendered last
	spare      spareCaches
	json       JSONOptions // that the caches of JSON were made with
}

// Close gives the files back.
func (r *Reader) Close() error {
	r.j.mu.Lock()
	delete(r.j.readers, r)
	r.j.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, c := range r.files {
		errs = append(errs, c.f.release())
	}
	r.files, r.current, r.next, r.closed = nil, nil, nil, true
	r.dec.close()
	return errors.Join(errs...)
}

// SeekHead goes before all entries.
func (r *Reader) SeekHead() { r.seek(target{kind: atHead}) }

// SeekTail goes after all entries that there are now.
func (r *Reader) SeekTail() { r.seek(target{kind: atTail}) }

// SeekCursor goes before the entry of a cursor or, if it is gone, before the
// one that followed it.
func (r *Reader) SeekCursor(c Cursor) { r.seek(target{kind: atCursor, cursor: c}) }

// SeekAfter goes after the entry of a cursor, whether or not it is still there
// and whether or not it matches.
func (r *Reader) SeekAfter(c Cursor) { r.seek(target{kind: afterCursor, cursor: c}) }

// SeekRealtime goes before the first entry of a time, in microseconds since
// 1970.
func (r *Reader) SeekRealtime(usec uint64) {
	r.seek(target{kind: atCursor, cursor: Cursor{Realtime: usec, has: hasRealtime}})
}

// SeekMonotonic goes before the first entry of a time since a boot, in
// microseconds.
func (r *Reader) SeekMonotonic(boot ID, usec uint64) {
	r.seek(target{kind: atCursor, cursor: Cursor{Boot: boot, Monotonic: usec, has: hasBoot | hasMonotonic}})
}

func (r *Reader) seek(t target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target, r.settled, r.current, r.read, r.e = t, false, nil, false, entry{}
	r.crossing, r.placed = crossing{}, false
	for _, g := range r.groups {
		g.passed = 0
	}
}

// Next goes to the next entry, and reports whether there is one. A live journal
// may have one later: see Wait. Files that cannot be read are left out: see
// Errors.
func (r *Reader) Next() bool { return r.step(false) }

// Previous goes to the entry before, and reports whether there is one.
func (r *Reader) Previous() bool { return r.step(true) }

func (r *Reader) step(back bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sync()
	if !r.settled {
		r.settle()
	}
	best := r.best(back)
	if r.crossing.back != back {
		r.crossing.back, r.crossing.from, r.crossing.gaps = back, r.e, nil
	}
	if best == nil {
		r.crossing.ended = true
		return false
	}
	if r.current != nil && r.current != best {
		r.current.leave(back)
	}
	r.e, r.current, r.read, r.rendered = best.e, best, true, false
	r.group(best, r.e.seqnumID).passed = r.e.seqnum
	if best.author.last = r.e; back {
		r.placed = false
	}
	best.take()
	return true
}

// ahead reports whether Next would find an entry.
func (r *Reader) ahead() bool {
	if !r.settled {
		r.settle()
	}
	return r.best(false) != nil
}

// settle puts all files at the target that was sought.
func (r *Reader) settle() {
	for _, c := range r.files {
		c.late, c.failed = false, false
		t := r.target.of(c.author)
		r.put(c, &t)
	}
	r.sought()
}

// put puts a file at a target.
func (r *Reader) put(c *fileCursor, t *target) {
	err := c.settle(t)
	if c.unplaced = errors.Is(err, ErrHeld); err != nil {
		r.fail(c, err)
	}
}

// resume goes on in a file whose filesystem did not respond: where it was, or, if its place
// is not known, as in one that came.
func (r *Reader) resume(c *fileCursor) {
	if c.failed = false; c.unplaced {
		r.join(c)
	}
}

// sought notes where the files are at the target.
func (r *Reader) sought() {
	r.settled, r.next, r.soughtTail = true, nil, uint64(time.Now().UnixMicro())
	if r.target.kind != atTail {
		return
	}
	for _, c := range r.files {
		if c.last.at != 0 {
			if r.e.at == 0 || compareEntries(&r.e, &c.last) < 0 {
				r.e = c.last
			}
			g := r.group(c, c.last.seqnumID)
			g.passed = max(g.passed, c.last.seqnum)
		}
	}
	r.alignTails()
}

// fail notes what is wrong with a file. One that was removed is told of by remove.
func (r *Reader) fail(c *fileCursor, err error) {
	c.failed = true
	if errors.Is(err, ErrHeld) {
		again := !c.heldAt.IsZero()
		if c.heldAt = time.Now(); again {
			return
		}
	} else if c.f.wiped() {
		return
	}
	known := c.f.known.Load()
	r.errs = append(r.errs, &FileError{Path: c.f.Path(), Err: err, Entries: known - min(known, c.passed)})
}

// Errors returns what was wrong with files since it was last asked: a *FileError each,
// a *LostError for those that were removed too early, and a *GapError where files that
// were read through do not meet. Files that are named are left out where they cannot be
// read.
func (r *Reader) Errors() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := r.errs
	r.errs = nil
	for _, c := range r.files {
		if c.skipped > 0 && !c.f.wiped() {
			err := fmt.Errorf("%d entries were skipped: %w", c.skipped, c.reason)
			errs = append(errs, &FileError{Path: c.f.Path(), Err: err, Entries: c.skipped})
			c.skipped, c.reason = 0, nil
		}
	}
	return append(errs, r.newGaps()...)
}

// Cursor is the place of the entry that was read last.
func (r *Reader) Cursor() Cursor { return r.e.cursor() }

func (e *entry) cursor() Cursor {
	return Cursor{
		SeqnumID: e.seqnumID, Seqnum: e.seqnum, Boot: e.boot, Monotonic: e.monotonic,
		Realtime: e.realtime, XorHash: e.xorHash, has: hasAll,
	}
}
