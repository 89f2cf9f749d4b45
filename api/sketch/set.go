package sketch

import (
	"slices"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// MaxExact is how many distinct members a Set counts exactly.
const MaxExact = 64

const setSize = int(unsafe.Sizeof(Set{}))

// Set counts distinct members: exactly up to MaxExact members, then with HyperLogLog and a
// standard error of 1.6%. Members are identified by 64-bit hashes; sets that are merged
// must use the same hash function. The zero value is an empty set. A Set is not safe for
// concurrent use.
type Set struct {
	few  []uint64   // ascending hashes, up to MaxExact
	many *registers // nil while the set is exact
}

// AddBytes adds a member, identified by its xxHash64.
func (s *Set) AddBytes(member []byte) { s.Add(xxhash.Sum64(member)) }

// Add adds a member, identified by a hash with uniformly distributed bits.
func (s *Set) Add(hash uint64) {
	if s.many != nil {
		s.many.add(hash)
		return
	}
	i, found := slices.BinarySearch(s.few, hash)
	switch {
	case found:
	case len(s.few) < MaxExact:
		s.few = slices.Insert(s.few, i, hash)
	default:
		s.widen()
		s.many.add(hash)
	}
}

// widen converts an exact set to registers.
func (s *Set) widen() {
	s.many = new(registers)
	s.many.addAll(s.few)
	s.few = nil
}

// Exact reports whether Estimate is the exact number of members.
func (s *Set) Exact() bool { return s.many == nil }

// Estimate returns the number of distinct members, as a whole number.
func (s *Set) Estimate() float64 {
	if s.many != nil {
		return s.many.estimate()
	}
	return float64(len(s.few))
}

// Merge adds the members of o.
func (s *Set) Merge(o *Set) {
	for _, h := range o.few {
		s.Add(h)
	}
	if o.many == nil {
		return
	}
	if s.many == nil {
		s.widen()
	}
	s.many.merge(o.many)
}

// Reset removes all members. It frees the registers.
func (s *Set) Reset() { s.few, s.many = s.few[:0], nil }

// Clone returns a copy that shares no memory with s.
func (s *Set) Clone() *Set {
	c := new(Set)
	c.CopyFrom(s)
	return c
}

// CopyFrom makes s equal to o. It reuses the memory of s, and shares none with o. It frees
// the registers of s if o has none.
func (s *Set) CopyFrom(o *Set) {
	if o.many != nil {
		s.CopyWide(o)
		return
	}
	s.few, s.many = append(s.few[:0], o.few...), nil
}

// Equal reports whether s and o have the same representation: the same hashes, or the same
// registers.
func (s *Set) Equal(o *Set) bool {
	if s.many == nil || o.many == nil {
		return s.many == o.many && slices.Equal(s.few, o.few)
	}
	return *s.many == *o.many
}

// Size returns the memory of the set in bytes, without spare capacity.
func (s *Set) Size() int {
	n := setSize + 8*len(s.few)
	if s.many != nil {
		n += len(s.many)
	}
	return n
}
