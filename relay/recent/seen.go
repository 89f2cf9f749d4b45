package recent

import (
	"math/bits"
	"sort"
)

const (
	maxSpans    = 4096 // holes remembered per run of a collector
	maxPartials = 64   // ticks of which only some parts came, per run
)

// span is a run of sequence numbers, both ends in it.
type span struct{ lo, hi uint64 }

// seen is the set of ticks that came from one run (boot) of a collector. In
// order and without loss it is a single span.
type seen struct {
	spans   []span
	count   uint64
	partial map[uint64]*partial
	used    int64 // receive time of the newest frame, to forget the oldest boots
}

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

// has reports whether that part of that tick came already.
func (s *seen) has(seq uint64, part uint16) bool {
	if p := s.partial[seq]; p != nil && p.have.has(part) {
		return true
	}
	i := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].hi >= seq })
	return i < len(s.spans) && s.spans[i].lo <= seq
}

// fits reports whether the tick's parts agree on how many there are.
func (s *seen) fits(seq uint64, parts uint16) bool {
	p := s.partial[seq]
	return p == nil || p.parts == parts
}

// add notes a part that has not been seen; whole reports that its tick is complete
// with it.
func (s *seen) add(seq uint64, part, parts uint16) (whole bool) {
	if parts > 1 && !s.complete(seq, part, parts) {
		return false
	}
	s.count++
	i := len(s.spans)
	for i > 0 && s.spans[i-1].lo > seq { // nearly always the last span
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
	if len(s.spans) > maxSpans { // give up the oldest hole: what was lost there stays lost
		s.count += s.spans[1].lo - s.spans[0].hi - 1
		s.spans[1].lo = s.spans[0].lo
		s.spans = s.spans[1:]
	}
	return true
}

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

// holes returns how many ticks between the first and the newest never came whole.
func (s *seen) holes() uint64 {
	if len(s.spans) == 0 {
		return 0
	}
	return s.spans[len(s.spans)-1].hi - s.spans[0].lo + 1 - s.count
}
