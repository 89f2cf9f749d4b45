package sketch

import (
	"slices"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// MaxExact is how many distinct members a Set counts exactly.
const MaxExact = 64

const setSize = int(unsafe.Sizeof(Set{}))

// Set counts distinct members: exactly up to MaxExact of them, then by HyperLogLog
// with a standard error of 1.6%. Members are known by a 64-bit hash that must be
// the same wherever sets are merged. The zero value is an empty set. It is not
// safe for use by several goroutines at once.
type Set struct {
	few  []uint64 // hashes, ascending, while there are at most MaxExact
	many *registers
}

// AddBytes adds a member by its xxHash64.
func (s *Set) AddBytes(member []byte) { s.Add(xxhash.Sum64(member)) }

// Add adds a member by a hash whose bits are all good.
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

// widen goes on with registers.
func (s *Set) widen() {
	s.many = new(registers)
	s.many.addAll(s.few)
	s.few = nil
}

// Exact reports whether Estimate is a count.
func (s *Set) Exact() bool { return s.many == nil }

// Estimate is the number of distinct members, a whole number.
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

// Reset forgets all members. A set that was large keeps no memory.
func (s *Set) Reset() { s.few, s.many = s.few[:0], nil }

// Clone returns a copy that shares nothing.
func (s *Set) Clone() *Set {
	c := new(Set)
	c.CopyFrom(s)
	return c
}

// CopyFrom makes s equal to o, in its own memory. Registers are let go if o has
// none.
func (s *Set) CopyFrom(o *Set) {
	if o.many != nil {
		s.CopyWide(o)
		return
	}
	s.few, s.many = append(s.few[:0], o.few...), nil
}

// Equal reports whether both hold the same members in the same way.
func (s *Set) Equal(o *Set) bool {
	if s.many == nil || o.many == nil {
		return s.many == o.many && slices.Equal(s.few, o.few)
	}
	return *s.many == *o.many
}

// Size is the memory that the set takes, in bytes, beside what is kept in reserve
// to grow.
func (s *Set) Size() int {
	n := setSize + 8*len(s.few)
	if s.many != nil {
		n += len(s.many)
	}
	return n
}
