package sketch

// What a codec needs to take a set apart and put it together.

// Hashes are the hashes of all members, ascending, if the set is exact. They are
// the set's own memory.
func (s *Set) Hashes() []uint64 { return s.few }

// Registers are the HyperLogLog registers, each from 0 to MaxRank, nil if the set
// is exact. They are the set's own memory.
func (s *Set) Registers() []uint8 {
	if s.many == nil {
		return nil
	}
	return s.many[:]
}

// SetHashes makes s the exact set of the members with these hashes: at most
// MaxExact, ascending, none twice.
func (s *Set) SetHashes(hashes []uint64) {
	s.few, s.many = append(s.few[:0], hashes...), nil
}

// CopyWide makes s hold the members of o in registers, even if o is exact, in its
// own memory.
func (s *Set) CopyWide(o *Set) {
	if s.many == nil {
		s.many = new(registers)
	}
	s.few = s.few[:0]
	if o.many != nil {
		*s.many = *o.many
		return
	}
	clear(s.many[:])
	s.many.addAll(o.few)
}
