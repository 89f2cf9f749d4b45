package sketch

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// exactMembers is how many distinct members are counted exactly.
const exactMembers = 64

// Set counts distinct members: exactly up to 64 of them, then by HyperLogLog with
// a standard error of 1.6%. Members are known by a 64-bit hash that must be the
// same wherever sets are merged. The zero value is an empty set. It is not safe
// for use by several goroutines at once.
type Set struct {
	few  []uint64 // hashes, while there are at most exactMembers
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
	if slices.Contains(s.few, hash) {
		return
	}
	if len(s.few) < exactMembers {
		s.few = append(s.few, hash)
		return
	}
	s.many = new(registers)
	for _, h := range s.few {
		s.many.add(h)
	}
	s.many.add(hash)
	s.few = nil
}

// Exact tells whether Estimate is a count.
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
		s.many = new(registers)
		for _, h := range s.few {
			s.many.add(h)
		}
		s.few = nil
	}
	s.many.merge(o.many)
}

// Reset forgets all members. A set that was large keeps no memory.
func (s *Set) Reset() { s.few, s.many = s.few[:0], nil }

// Clone returns a copy that shares nothing.
func (s *Set) Clone() *Set {
	c := &Set{few: slices.Clone(s.few)}
	if s.many != nil {
		r := *s.many
		c.many = &r
	}
	return c
}

// Size is the memory that the set takes beside itself, in bytes.
func (s *Set) Size() int {
	n := 8 * cap(s.few)
	if s.many != nil {
		n += len(s.many)
	}
	return n
}
