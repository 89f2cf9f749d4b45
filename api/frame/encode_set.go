package frame

import (
	"bytes"
	"encoding/binary"

	"github.com/daytwo/daytwo/api/sketch"
)

// setEncoder keeps the keyframe's sets, and collects the lists of a section.
type setEncoder struct {
	key     Table  // its Sets are copies of the keyframe's, by row of the keyframe
	heads   []byte // of each set that differs from its base
	indexes []byte // of removed hashes, and of registers that differ
	values  []byte // added hashes, and the registers that differ
	empty   sketch.Set
	wide    sketch.Set // scratch: the registers of an exact base
}

// append appends the section of table t, part p, to body. It also returns the bytes of
// memory that a decoder needs for the sets.
func (e *setEncoder) append(body []byte, t *Table, te *tableEncoder, p int) ([]byte, int) {
	e.heads, e.indexes, e.values = e.heads[:0], e.indexes[:0], e.values[:0]
	size, next := 0, 0
	for j, i := range te.rows[p] {
		var now, base *sketch.Set
		if len(t.Sets) > 0 {
			now = t.Sets[i]
		}
		if k := te.base[i]; k >= 0 && int(k) < len(e.key.Sets) {
			base = e.key.Sets[k]
		}
		if now == base || now != nil && base != nil && now.Equal(base) {
			continue
		}
		head := uint64(j-next) << setBits
		next = j + 1
		if now == nil {
			e.heads = binary.AppendUvarint(e.heads, head|setNone)
			continue
		}
		if base == nil {
			base = &e.empty
		}
		e.one(head, now, base)
		size += now.Size()
	}
	if len(e.heads) == 0 {
		return body, 0
	}
	return appendLists(body, setSection, e.heads, e.indexes, e.values), size
}

// one encodes the differences of a set from its base.
func (e *setEncoder) one(head uint64, now, base *sketch.Set) {
	indexes, values := len(e.indexes), len(e.values)
	if now.Exact() {
		head |= e.hashes(now.Hashes(), base.Hashes(), base.Exact())
	} else {
		head |= setWide | e.registers(now, base)
	}
	e.heads = binary.AppendUvarint(e.heads, head)
	e.heads = binary.AppendUvarint(e.heads, uint64(len(e.indexes)-indexes))
	e.heads = binary.AppendUvarint(e.heads, uint64(len(e.values)-values))
}

// hashes encodes the removed and the added hashes.
func (e *setEncoder) hashes(now, base []uint64, exact bool) (flags uint64) {
	removed := 0
	for d := (hashDifferences{now: now, base: base}); d.next(); {
		if d.added {
			e.values = binary.LittleEndian.AppendUint64(e.values, d.hash)
		} else {
			removed++
		}
	}
	if !exact || removed == len(base) { // no hash of the base remains
		e.indexes = append(e.indexes, 0)
		return setAnew
	}
	e.indexes = binary.AppendUvarint(e.indexes, uint64(removed))
	last := -1
	for d := (hashDifferences{now: now, base: base}); d.next(); {
		if !d.added {
			e.indexes = binary.AppendUvarint(e.indexes, uint64(d.index-last-1))
			last = d.index
		}
	}
	return 0
}

// noRegisters is the registers of the empty set.
var noRegisters [sketch.Registers]uint8

// registers encodes the registers that differ from the base or from the empty set,
// whichever are fewer.
func (e *setEncoder) registers(now, base *sketch.Set) (flags uint64) {
	if base.Exact() {
		e.wide.CopyWide(base)
		base = &e.wide
	}
	to, from := now.Registers(), base.Registers()
	differ := 0
	for i, rank := range to {
		if rank != from[i] {
			differ++
		}
	}
	if sketch.Registers-bytes.Count(to, noRegisters[:1]) < differ {
		from, flags = noRegisters[:], setAnew
	}
	last := -1
	for i, rank := range to {
		if rank != from[i] {
			e.indexes = binary.AppendUvarint(e.indexes, uint64(i-last-1))
			e.values = append(e.values, rank)
			last = i
		}
	}
	return flags
}

// hashDifferences iterates over the hashes that only one of two sets has, in ascending
// order.
type hashDifferences struct {
	now, base []uint64 // the hashes that are not compared yet
	passed    int      // hashes of the base that are compared

	hash  uint64
	added bool // only now has the hash, else only base
	index int  // in base, of a removed hash
}

func (d *hashDifferences) next() bool {
	for len(d.now) > 0 || len(d.base) > 0 {
		switch {
		case len(d.base) == 0 || len(d.now) > 0 && d.now[0] < d.base[0]:
			d.hash, d.added = d.now[0], true
			d.now = d.now[1:]
			return true
		case len(d.now) == 0 || d.base[0] < d.now[0]:
			d.hash, d.added, d.index = d.base[0], false, d.passed
			d.base = d.base[1:]
			d.passed++
			return true
		}
		d.now, d.base = d.now[1:], d.base[1:]
		d.passed++
	}
	return false
}
