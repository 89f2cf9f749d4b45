package frame

import (
	"encoding/binary"

	"github.com/daytwo/daytwo/api/sketch"
)

// setReader decodes one set.
type setReader struct {
	indexes, values reader
}

// decodeSets decodes a section. It replaces the rows' sets of the keyframe by new ones
// where they differ. A row for which want returns false gets no set.
func (d *Decoder) decodeSets(payload []byte, s *sketches) error {
	dst := s.sets
	heads, indexes, values, ok := openLists(payload)
	if !ok {
		return corrupt("sets are cut")
	}
	for row := 0; heads.left() > 0; row++ {
		head := heads.uvarint()
		gap := head >> setBits
		if heads.bad || gap >= uint64(len(dst)-row) {
			return corrupt("set of no row")
		}
		row += int(gap)
		base := dst[row]
		dst[row] = nil
		if head&setNone != 0 {
			continue
		}
		set := setReader{reader{b: indexes.bytes(heads.count(MaxBody))}, reader{b: values.bytes(heads.count(MaxBody))}}
		if heads.bad || indexes.bad || values.bad {
			return corrupt("set is cut")
		}
		if s.want != nil && !s.want(s.rows[row]) {
			continue
		}
		if base == nil || head&setAnew != 0 {
			base = &d.noMembers
		}
		wide := head&setWide != 0
		to := s.own.set(wide)
		if wide {
			ok = set.readRegisters(base, to)
		} else {
			ok = set.readHashes(base, to)
		}
		if !ok {
			return corrupt("set has impossible values")
		}
		if d.left.sets -= to.Size(); d.left.sets < 0 {
			return corrupt("sets are too large")
		}
		dst[row] = to
	}
	if indexes.left() > 0 || values.left() > 0 {
		return corrupt("sets do not add up")
	}
	return nil
}

// readRegisters sets dst to the registers of base, changed by the encoded differences.
func (s *setReader) readRegisters(base, dst *sketch.Set) bool {
	dst.CopyWide(base)
	registers := dst.Registers()
	at := -1
	for _, rank := range s.values.b {
		at += 1 + s.indexes.count(sketch.Registers)
		if s.indexes.bad || at >= len(registers) || rank > sketch.MaxRank {
			return false
		}
		registers[at] = rank
	}
	return s.indexes.left() == 0
}

// readHashes sets dst to the hashes of base, without the removed and with the added ones.
func (s *setReader) readHashes(base, dst *sketch.Set) bool {
	old := base.Hashes()
	if !base.Exact() || s.values.left()%8 != 0 {
		return false
	}
	var removed [sketch.MaxExact]bool
	at := -1
	for range s.indexes.count(len(old)) {
		at += 1 + s.indexes.count(len(old))
		if s.indexes.bad || at >= len(old) {
			return false
		}
		removed[at] = true
	}
	if s.indexes.bad || s.indexes.left() > 0 {
		return false
	}
	var all [sketch.MaxExact]uint64
	n, i := 0, 0
	add := func(hash uint64) bool {
		if n == len(all) || n > 0 && all[n-1] >= hash {
			return false
		}
		all[n] = hash
		n++
		return true
	}
	for s.values.left() > 0 {
		added := binary.LittleEndian.Uint64(s.values.bytes(8))
		for ; i < len(old) && old[i] < added; i++ {
			if !removed[i] && !add(old[i]) {
				return false
			}
		}
		if !add(added) {
			return false
		}
	}
	for ; i < len(old); i++ {
		if !removed[i] && !add(old[i]) {
			return false
		}
	}
	dst.SetHashes(all[:n])
	return true
}
