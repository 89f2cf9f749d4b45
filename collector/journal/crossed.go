package journal

import "slices"

// crossing is what a reader has to know to tell of entries that are missing: from where it
// has read since it was last asked.
type crossing struct {
	from  entry // the entry that was read then; without one, reading began at the target
	ended bool  // it came to the end of what there is
	back  bool  // in reverse
	gaps  []gapMark
	lost  []lostFile
}

// maxRemembered bounds the lists of a crossing.
const maxRemembered = 1000

// remember appends to a list of a crossing.
func remember[T any](list []T, v T) []T {
	return append(list[max(0, len(list)-maxRemembered+1):], v)
}

// gapMark is a gap at whose nearer end the reader was, or that it has come across.
type gapMark struct {
	low, high uint64
	told      bool
}

// lostFile is a file that went before it was read, of which a LostError told.
type lostFile struct {
	scope string
	tail  uint64 // number of its last entry
}

// newGaps returns the gaps that the reader has come across since it was last asked, each
// once after each time that it sought.
func (r *Reader) newGaps() (errs []error) {
	x := &r.crossing
	if !r.settled || !r.read && !x.ended {
		return nil
	}
	for _, g := range r.j.findGaps() {
		begins, ends := r.sides(&g)
		i := slices.IndexFunc(x.gaps, func(m gapMark) bool { return m.low == g.low.seqnum && m.high == g.high.seqnum })
		if i < 0 {
			if !begins {
				continue
			}
			x.gaps = remember(x.gaps, gapMark{low: g.low.seqnum, high: g.high.seqnum})
			i = len(x.gaps) - 1
		}
		if x.gaps[i].told || !ends {
			continue
		}
		x.gaps[i].told = true
		if !slices.ContainsFunc(x.lost, func(l lostFile) bool {
			return l.scope == g.scope && l.tail > g.low.seqnum && l.tail < g.high.seqnum
		}) {
			errs = append(errs, &g.GapError)
		}
	}
	if r.read {
		x.from, x.ended = r.e, false
	}
	return errs
}

// sides reports whether the reader was before a gap, and whether it is behind it now, in
// its direction.
func (r *Reader) sides(g *gap) (begins, ends bool) {
	x := &r.crossing
	begin := func(e *entry) bool { return compareEntries(e, &g.low) <= 0 }
	end := func(e *entry) bool { return compareEntries(e, &g.high) >= 0 }
	if x.back {
		begin, end = end, begin
	}
	ends = x.ended || r.read && end(&r.e)
	to := &r.target.cursor
	switch e := to.entry(); {
	case x.from.at != 0:
		return begin(&x.from), ends
	case r.target.kind == atHead:
		return !x.back, ends
	case r.target.kind == atTail:
		return x.back, ends
	case to.Whole():
		return begin(&e), ends
	case to.has&hasRealtime != 0:
		return x.back && to.Realtime >= g.high.realtime || !x.back && to.Realtime <= g.low.realtime, ends
	}
	return false, ends
}
