package logdriver

import (
	"slices"

	"github.com/daytwo/daytwo/api/entry"
)

// Backward joins the pieces of lines when a journal is read from its end: it takes the
// entries of a block, and those in front of it that may be pieces of its lines, in their
// order, and returns what a Joiner makes of them, the last one first.
//
// A Backward is not safe for concurrent use.
type Backward struct {
	previous func() (*entry.Entry, bool)
	now      int64
	first    bool           // the block at the end was not read yet
	raw      []*entry.Entry // read and not returned, the newest first
	end      bool           // there is nothing older
	out      []entry.Record // the next one last
}

// Sizes of what is read at once, in entries.
const (
	blockEntries = 64
	// maxBefore bounds how far in front of a block pieces are looked for. It is less far
	// when all streams of containers in the block are seen to begin a line, and never
	// farther than the TimeLimit.
	maxBefore = 1000
)

// NewBackward makes a Backward of a function that returns the entry before the one that
// it returned last, as long as there is one. A line that is unfinished at the end is
// returned if it has waited for the TimeLimit now, in microseconds since 1970; else
// whoever reads on forward gets it whole.
func NewBackward(now int64, previous func() (*entry.Entry, bool)) *Backward {
	return &Backward{previous: previous, now: now, first: true}
}

// Previous returns the record before, and whether there is one. It is valid until the
// next call.
func (b *Backward) Previous() (entry.Record, bool) {
	for len(b.out) == 0 {
		if !b.block() {
			return entry.Record{}, false
		}
	}
	rec := b.out[len(b.out)-1]
	b.out = b.out[:len(b.out)-1]
	return rec, true
}

// read makes sure that there are n entries, and reports whether there are.
func (b *Backward) read(n int) bool {
	for len(b.raw) < n && !b.end {
		e, ok := b.previous()
		if !ok {
			b.end = true
			break
		}
		b.raw = append(b.raw, e.Clone())
	}
	return len(b.raw) >= n
}

// block joins the next block, and reports whether there was one.
func (b *Backward) block() bool {
	b.read(blockEntries)
	n := min(len(b.raw), blockEntries)
	if n == 0 {
		return false
	}
	before := b.before(n)
	var join Joiner
	for i := before - 1; i >= n; i-- { // only their pieces matter
		join.Add(shallow(b.raw[i]))
	}
	for i := n - 1; i >= 0; i-- {
		for _, r := range join.Add(shallow(b.raw[i])) {
			b.keep(r)
		}
	}
	// What goes on behind the block was returned with the block behind it.
	if b.first {
		for _, r := range join.Expire(b.now) {
			b.keep(r)
		}
		b.first = false
	}
	b.raw = slices.Delete(b.raw, 0, n)
	return true
}

// before returns up to which index the entries in front of the first n are needed.
func (b *Backward) before(n int) int {
	type stream struct {
		container string
		number    int
	}
	open := map[stream]bool{}
	var p piece
	for i := range n {
		if p.read(b.raw[i]); p.form != whole {
			// The oldest entry of the stream decides.
			open[stream{string(p.container), p.stream}] = p.form == candidate || p.form == old || p.ordinal > 1
		}
	}
	unsure := 0
	for _, is := range open {
		if is {
			unsure++
		}
	}
	limit := b.raw[n-1].Realtime - TimeLimit.Microseconds()
	i := n
	for ; unsure > 0 && i < n+maxBefore && b.read(i+1) && b.raw[i].Realtime >= limit; i++ {
		p.read(b.raw[i])
		s := stream{string(p.container), p.stream}
		if p.form == whole || !open[s] {
			continue
		}
		if begins := p.form == withID && p.ordinal == 1 || p.form != withID && p.last; begins {
			open[s] = false
			unsure--
		}
	}
	return i
}

// shallow copies an entry but for its values, as a Joiner may shorten one.
func shallow(e *entry.Entry) *entry.Entry {
	c := *e
	c.Fields = slices.Clone(e.Fields)
	return &c
}

// keep keeps a record that a Joiner returned.
func (b *Backward) keep(r entry.Record) {
	if r.Entry != nil {
		r.Entry = r.Entry.Clone()
	}
	b.out = append(b.out, r)
}
