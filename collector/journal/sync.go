package journal

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
)

// LostError says that entries went with their file before they were read.
type LostError struct {
	Path    string
	Entries uint64 // that were ahead in the file, at most, whether or not they match
}

func (e *LostError) Error() string {
	return fmt.Sprintf("journal file %s was removed with up to %d entries unread", e.Path, e.Entries)
}

// sync takes in the files that came and gives back those that went since it was
// last called; it reports whether there were any. Whoever calls it holds mu.
func (r *Reader) sync() bool {
	if r.closed || r.gen == r.j.gen.Load() {
		return false
	}
	have := make(map[*File]bool, len(r.files))
	for _, c := range r.files {
		have[c.f] = true
	}
	r.j.mu.Lock()
	r.gen = r.j.gen.Load()
	came := make([]*File, 0, max(0, len(r.j.files)-len(r.files)))
	there := map[*File]bool{} // those of r.files
	for _, files := range r.j.sorted {
		for _, f := range files {
			if have[f] {
				there[f] = true
			} else if !f.held.Load() && f.acquire() {
				came = append(came, f)
			}
		}
	}
	r.j.mu.Unlock()

	slices.SortFunc(came, func(a, b *File) int { // see compare
		return cmp.Or(cmp.Compare(a.begins(), b.begins()), cmp.Compare(a.Path(), b.Path()))
	})
	var went []*fileCursor
	r.files = slices.DeleteFunc(r.files, func(c *fileCursor) bool {
		if there[c.f] {
			return false
		}
		if i := slices.IndexFunc(came, func(f *File) bool { return f.id == c.f.id }); i >= 0 {
			// The same file, copied (as journald does on btrfs) or mapped anew.
			r.giveBack(c.f)
			c.renew(came[i])
			came = slices.Delete(came, i, i+1)
			return false
		}
		went = append(went, c)
		return true
	})
	cursors := make([]fileCursor, len(came))
	r.files = slices.Grow(r.files, len(came))
	for i, f := range came {
		cursors[i].f = f
		r.add(&cursors[i])
	}
	for _, c := range went {
		r.remove(c)
	}
	r.next = nil
	return true
}

// lateBy is how much older than the entry that was read last an entry may be
// that is new in a file that came meanwhile: files of one journald are not seen
// to come in the order in which they are written to.
const lateBy = 5_000_000 // microseconds

// add adds the cursor of a file that a reference was taken of. In the midst of reading, its
// entries are passed over that come before the last one read of their group or, of an
// unknown group, are much older than the last one read.
func (r *Reader) add(c *fileCursor) {
	c.match, c.dec, c.spare, c.author = &r.match, &r.dec, &r.spare, r.author(c.f)
	r.files = append(r.files, c)
	if r.settled {
		r.join(c)
	}
}

// join goes to where the reader is, in a file that it did not read so far.
func (r *Reader) join(c *fileCursor) {
	t := r.target.of(c.author)
	switch g := r.findGroup(c.seqnumID()); {
	case g != nil && g.passed > 0:
		t = target{kind: afterCursor, cursor: Cursor{SeqnumID: g.id, Seqnum: g.passed, has: hasSeqnumID | hasSeqnum}}
	case t.kind == atTail && !r.read:
		// The file was not there when the tail was sought: it may well be new.
		c.late = true
		t = target{kind: atCursor, cursor: Cursor{Realtime: r.soughtTail, has: hasRealtime}}
	case r.e.at != 0:
		c.late = true
		t = target{kind: atCursor, cursor: r.e.cursor().earlier()}
	}
	r.put(c, &t)
}

// seqnumID is that of the file, zero if it was cut off.
func (c *fileCursor) seqnumID() (id ID) {
	var err error
	defer catchFault(debug.SetPanicOnFault(true), &err)
	return c.f.seqnumID()
}

// renew gives the cursor its file, opened anew.
func (c *fileCursor) renew(f *File) {
	c.f, c.ready, c.ended, c.walker, c.bounds = f, false, false, nil, nil
}

// remove gives back a file that is gone.
func (r *Reader) remove(c *fileCursor) {
	// What was read of it may stand in another file too, into which it is being
	// copied: now is the last time to see that.
	for _, o := range r.files {
		for o.mayCopy() && r.peek(o, false) && c.hasPassed(&o.e) {
			o.drop()
		}
	}
	if n := r.lost(c); n > 0 && r.settled {
		r.errs = append(r.errs, &LostError{Path: c.f.Path(), Entries: n})
		r.crossing.lost = remember(r.crossing.lost, lostFile{scopeOf(c.f.Path()), c.f.lastNumber.Load()})
	}
	if r.current == c {
		r.current = nil
	}
	c.keepCaches()
	r.giveBack(c.f)
}

// giveBack releases a file.
func (r *Reader) giveBack(f *File) {
	if err := f.release(); err != nil {
		r.errs = append(r.errs, &FileError{Path: f.Path(), Err: err})
	}
}

// lost counts the entries ahead in a file that is gone, but for those that were
// copied into one that came. An entry that was stepped to and not rendered is
// one of them.
func (r *Reader) lost(c *fileCursor) (n uint64) {
	var err error
	defer catchFault(debug.SetPanicOnFault(true), &err)
	if c.f.wiped() {
		known := c.f.known.Load()
		return known - min(known, c.passed)
	}
	from := c.at
	if r.current == c && !r.rendered && from > 0 {
		from--
	}
	all := c.f.entryList()
	i := all.search(func(at uint64) bool { return at > from })
	for ; i < all.n; i++ {
		var e entry
		at, err := all.get(i)
		if err != nil || at == 0 || c.f.entry(at, &e) != nil || !r.copied(&e) {
			break
		}
	}
	return all.n - i
}

// copied reports whether another file has a copy of an entry.
func (r *Reader) copied(e *entry) bool {
	return slices.ContainsFunc(r.files, func(o *fileCursor) bool { return o.mayCopy() && o.copyOf(e) != 0 })
}

// mayCopy reports whether entries of other files may be copied into a file.
func (c *fileCursor) mayCopy() bool { return c.late || c.f.live.Load() }

// copyOf is the offset of the copy of an entry in the file, 0 if it has none.
// journald copies /run/log/journal to /var/log/journal under new sequence
// numbers.
func (c *fileCursor) copyOf(e *entry) (copied uint64) {
	var err error
	defer catchFault(debug.SetPanicOnFault(true), &err)
	cur := e.cursor()
	all := c.f.entryList()
	i, err := c.searchTime(&all, &cur)
	for ; err == nil && i < all.n; i++ {
		var o entry
		at, err := all.get(i)
		if err != nil || at == 0 || c.f.entry(at, &o) != nil || !sameTime(&o, e) {
			return 0
		}
		if o.boot == e.boot && o.realtime == e.realtime && o.xorHash == e.xorHash {
			return at
		}
	}
	return 0
}

// hasPassed reports whether a copy of an entry in the file was read, or passed over
// because it does not match.
func (c *fileCursor) hasPassed(e *entry) bool {
	at := c.copyOf(e)
	return at != 0 && at <= c.at
}

// isOld reports whether the next entry of a file was read from another file, or is too
// old to be news in a file that came while the reader was reading.
func (r *Reader) isOld(c *fileCursor) bool {
	when, last := c.e.realtime, r.e.realtime
	if c.e.boot == r.e.boot {
		when, last = c.e.monotonic, r.e.monotonic
	}
	switch {
	case when > last, when == last && c == r.current:
		return false
	case c.late && when+lateBy < last:
		return true
	}
	return slices.ContainsFunc(r.files, func(o *fileCursor) bool { return o != c && o.hasPassed(&c.e) })
}
