package journal

import (
	"cmp"
	"errors"
	"math"
	"runtime/debug"
)

// ends are the first and the last entry of a file that is written no more.
type ends struct {
	first, last entry
	entries     uint64
	oneBoot     bool // all entries are of one boot
}

// ends returns the ends of a file, nil if it may be appended to, has no entries, or is
// damaged. They are read once: they do not change.
func (f *File) ends() *ends {
	if f.live.Load() {
		return nil
	}
	if o := f.ended.Load(); o != nil {
		return o.ends
	}
	x, err := f.readEnds()
	if !errors.Is(err, ErrHeld) {
		f.ended.Store(&outcome{ends: x})
	}
	return x
}

func (f *File) readEnds() (_ *ends, err error) {
	defer catchFault(debug.SetPanicOnFault(true), &err)
	if err := f.check(); err != nil {
		return nil, err
	}
	all, x := f.entryList(), &ends{}
	first, err := all.get(0)
	if err != nil || first == 0 {
		return nil, err
	}
	last, err := all.last()
	if err == nil {
		err = cmp.Or(f.entry(first, &x.first), f.entry(last, &x.last))
	}
	if err != nil || last < first || x.last.seqnum < x.first.seqnum {
		return nil, err
	}
	x.entries = all.n
	x.oneBoot = f.isOfOneBoot(x)
	return x, nil
}

// isOfOneBoot reports whether all entries between the ends are of one boot.
func (f *File) isOfOneBoot(x *ends) bool {
	if x.first.boot != x.last.boot || x.last.monotonic < x.first.monotonic {
		return false
	}
	var d decoder
	defer d.close()
	at, err := f.findBoot(x.first.boot, &d)
	return err == nil && at != 0 && f.u64(at+dataEntriesAt) == x.entries
}

// follow reports whether all entries of a file come after an entry in a direction. Where
// numbers and times of one boot do not say so, it reports that they do not.
func (x *ends) follow(back bool, e *entry) bool {
	switch {
	case x.first.seqnumID == e.seqnumID:
		return back && x.last.seqnum < e.seqnum || !back && x.first.seqnum > e.seqnum
	case x.oneBoot && x.first.boot == e.boot:
		return back && x.last.monotonic < e.monotonic || !back && x.first.monotonic > e.monotonic
	}
	return false
}

// begins returns the time of the first entry of a file, and the largest one for a file that
// has no ends.
func (f *File) begins() uint64 {
	if x := f.ends(); x != nil {
		return x.first.realtime
	}
	return math.MaxUint64
}
