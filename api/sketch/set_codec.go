package sketch

// The methods of this file are for package frame, which encodes and decodes sets.

// Hashes returns the ascending hashes of all members if the set is exact. The slice is the
// set's own memory.
func (s *Set) Hashes() []uint64 { return s.few }

// Registers returns the HyperLogLog registers, each from 0 to MaxRank; nil if the set is
// exact. The slice is the set's own memory.
func (s *Set) Registers() []uint8 {
	if s.many == nil {
		return nil
	}
	return s.many[:]
}

// SetHashes makes s the exact set of the members with these hashes, which are ascending,
// distinct, and at most MaxExact.
func (s *Set) SetHashes(hashes []uint64) {
	s.few, s.many = append(s.few[:0], hashes...), nil
}

// CopyWide sets the registers of s to the members of o, even if o is exact. It shares no
// memory with o.
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
