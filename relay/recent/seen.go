package recent

import (
	"math/bits"
	"sort"
)

const (
	maxSpans    = 4096 // spans remembered per run of a collector
	maxPartials = 64   // incomplete ticks remembered per run
)

// span is the sequence numbers from lo to hi, both included.
type span struct{ lo, hi uint64 }

// seen is the set of ticks received from one run (boot) of a collector. It is a single
// span if they were received in order and without loss.
type seen struct {
	spans   []span
	count   uint64              // complete ticks
	partial map[uint64]*partial // incomplete ticks, by sequence number
	used    int64               // when its newest frame was received, Unix nanoseconds
}

// partial is a tick of which only some parts have been received.
type partial struct {
	have  bitset
	parts uint16
}

// bitset is a set of the parts of a tick.
type bitset []uint64

func newBitset(parts uint16) bitset   { return make(bitset, (int(parts)+63)/64) }
func (b bitset) set(part uint16)      { b[part/64] |= 1 << (part % 64) }
func (b bitset) has(part uint16) bool { return int(part/64) < len(b) && b[part/64]>>(part%64)&1 != 0 }

func (b bitset) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// has reports whether a part of a tick has been received.
func (s *seen) has(seq uint64, part uint16) bool {
	if p := s.partial[seq]; p != nil && p.have.has(part) {
		return true
	}
	i := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].hi >= seq })
	return i < len(s.spans) && s.spans[i].lo <= seq
}

// fits reports whether parts agrees with the tick's other parts on their number.
func (s *seen) fits(seq uint64, parts uint16) bool {
	p := s.partial[seq]
	return p == nil || p.parts == parts
}

// add records a part that has not been received before. whole reports that it completes
// its tick.
func (s *seen) add(seq uint64, part, parts uint16) (whole bool) {
	if parts > 1 && !s.complete(seq, part, parts) {
		return false
	}
	s.count++
	i := len(s.spans)
	for i > 0 && s.spans[i-1].lo > seq { // almost always the last span
		i--
	}
	joinsLeft := i > 0 && s.spans[i-1].hi+1 == seq
	joinsRight := i < len(s.spans) && seq+1 == s.spans[i].lo
	switch {
	case joinsLeft && joinsRight:
		s.spans[i-1].hi = s.spans[i].hi
		s.spans = append(s.spans[:i], s.spans[i+1:]...)
	case joinsLeft:
		s.spans[i-1].hi = seq
	case joinsRight:
		s.spans[i].lo = seq
	default:
		s.spans = append(s.spans, span{})
		copy(s.spans[i+1:], s.spans[i:])
		s.spans[i] = span{seq, seq}
	}
	if len(s.spans) > maxSpans { // forget the oldest hole: its ticks count as received
		s.count += s.spans[1].lo - s.spans[0].hi - 1
		s.spans[1].lo = s.spans[0].lo
		s.spans = s.spans[1:]
	}
	return true
}

// complete records a part of a tick with several parts, and reports whether all of them
// have been received.
func (s *seen) complete(seq uint64, part, parts uint16) bool {
	p := s.partial[seq]
	if p == nil {
		if s.partial == nil {
			s.partial = make(map[uint64]*partial)
		}
		if len(s.partial) >= maxPartials {
			oldest := seq
			for q := range s.partial {
				oldest = min(oldest, q)
			}
			delete(s.partial, oldest)
		}
		p = &partial{have: newBitset(parts), parts: parts}
		s.partial[seq] = p
	}
	p.have.set(part)
	if p.have.count() < int(parts) {
		return false
	}
	delete(s.partial, seq)
	return true
}

// holes returns how many ticks between the first and the newest are missing or
// incomplete.
func (s *seen) holes() uint64 {
	if len(s.spans) == 0 {
		return 0
	}
	return s.spans[len(s.spans)-1].hi - s.spans[0].lo + 1 - s.count
}
