package journal

// target is where a reader seeks to: between entries, or to one.
type target struct {
	kind   targetKind
	cursor Cursor // of atCursor and afterCursor; only some of its parts may be set
	place  *Place // of afterCursor, if there are several writers
}

type targetKind uint8

const (
	atHead      targetKind = iota // before all entries
	atTail                        // after all entries
	atCursor                      // before the entry of a cursor, which is then the next one
	afterCursor                   // after the entry of a cursor
)

// start finds the offset in a file from which walking leads to the entries
// after a target: those with a larger offset are after it. It also returns how
// many are not.
func (c *fileCursor) start(t *target) (at, before uint64, err error) {
	switch t.kind {
	case atHead:
		return 0, 0, nil
	case atTail:
		if x := c.ends(); x != nil {
			return x.last.at, x.entries, nil
		}
	}
	all := c.f.entryList()
	if t.kind == atTail {
		at, err = all.last()
		return at, all.n, err
	}
	i, err := c.search(&all, t)
	if err != nil || i == 0 {
		return 0, 0, err
	}
	at, err = all.get(i - 1)
	return at, i, err
}

// search returns the index of the first entry that is after a target.
func (c *fileCursor) search(all *list, t *target) (uint64, error) {
	to := &t.cursor
	if to.has&(hasSeqnumID|hasSeqnum) == hasSeqnumID|hasSeqnum && to.SeqnumID == c.f.seqnumID() {
		seqnum := to.Seqnum
		if t.kind == afterCursor {
			seqnum++
		}
		return all.search(c.f.from(func(e *entry) uint64 { return e.seqnum }, seqnum)), nil
	}
	i, err := c.searchTime(all, to)
	if err != nil || t.kind == atCursor {
		return i, err
	}
	// Entries of the very same time are after the cursor's or before it as the
	// order of all files has them.
	var e entry
	for last := to.entry(); i < all.n; i++ {
		at, err := all.get(i)
		if err != nil || at == 0 || c.f.entry(at, &e) != nil {
			break
		}
		if !sameTime(&e, &last) || to.has&hasXorHash != 0 && compareEntries(&e, &last) > 0 {
			break
		}
	}
	return i, nil
}

// sameTime reports whether entries of two files are of the same microsecond.
func sameTime(a, b *entry) bool {
	if a.boot == b.boot {
		return a.monotonic == b.monotonic
	}
	return a.realtime == b.realtime
}

// searchTime returns the index of the first entry that is not before the time
// of a cursor.
func (c *fileCursor) searchTime(all *list, to *Cursor) (uint64, error) {
	if to.has&(hasBoot|hasMonotonic) == hasBoot|hasMonotonic {
		at, err := c.f.findBoot(to.Boot, c.dec)
		if err != nil {
			return 0, err
		}
		if at != 0 {
			return c.searchBoot(all, at, c.f.from(func(e *entry) uint64 { return e.monotonic }, to.Monotonic))
		}
	}
	return all.search(c.f.from(func(e *entry) uint64 { return e.realtime }, to.Realtime)), nil
}

// from makes a function for list.search: whether an entry's number is a
// certain one or larger.
func (f *File) from(number func(*entry) uint64, least uint64) func(at uint64) bool {
	var e entry
	return func(at uint64) bool { return f.entry(at, &e) != nil || number(&e) >= least }
}

// findBoot finds the data object of a boot's id, 0 if the file has none.
func (f *File) findBoot(boot ID, d *decoder) (uint64, error) {
	var b [64]byte
	return f.findData(boot.append(append(b[:0], "_BOOT_ID="...)), d)
}

// searchBoot finds a time among the entries of one boot, whose monotonic times
// rise, and returns the index of its entry among all.
func (c *fileCursor) searchBoot(all *list, bootData uint64, beyond func(uint64) bool) (uint64, error) {
	boot, err := c.f.dataList(bootData)
	if err != nil {
		return 0, err
	}
	i := boot.search(beyond)
	at, err := boot.get(i)
	if err != nil {
		return 0, err
	}
	if at == 0 { // after the boot's last entry
		if at, err = boot.last(); err != nil || at == 0 {
			return all.n, err
		}
		at++
	}
	return all.search(func(o uint64) bool { return o >= at }), nil
}
