package frame

import (
	"encoding/binary"
	"slices"
)

// tableEncoder is the state of an encoder for one kind.
type tableEncoder struct {
	// The keyframe.
	inKey   bool // the keyframe has this kind
	keyRows []*Row
	keyVals []int64
	keyPart []uint16         // the part that holds a row of the keyframe
	keyAt   []int32          // the row's index in that part
	byID    map[uint64]int32 // filled on first use
	keySets sets             // row sets of the keyframe

	// The rows of this tick relative to the keyframe.
	aligned uint64    // Seq of the keyframe to which base refers; 0 if not aligned
	gen     uint64    // Gen of the table that base is for
	base    []int32   // by row: its index in the keyframe, -1 if that does not have it
	rows    [][]int32 // by part: indexes of the table's rows
	added   int       // rows without a base
	sets    sets
}

// sets is the encoded row sets of a table, by part. One without bytes is not encoded yet.
type sets struct {
	gen   uint64
	split int
	part  []rowSet
}

type rowSet struct {
	b               []byte
	labels, strings int
}

func (s *sets) reset(gen uint64, split int) {
	s.gen, s.split = gen, split
	for len(s.part) < split {
		s.part = append(s.part, rowSet{})
	}
	for p := range s.part {
		s.part[p] = rowSet{b: s.part[p].b[:0]}
	}
}

// startKey prepares a keyframe of n parts: no row has a base.
func (te *tableEncoder) startKey(t *Table, n int) {
	te.aligned = 0
	te.base = slices.Grow(te.base[:0], len(t.Rows))[:len(t.Rows)]
	te.keyPart = slices.Grow(te.keyPart[:0], len(t.Rows))[:len(t.Rows)]
	te.keyAt = slices.Grow(te.keyAt[:0], len(t.Rows))[:len(t.Rows)]
	te.clearRows(n)
	for p := range n {
		lo, hi := len(t.Rows)*p/n, len(t.Rows)*(p+1)/n
		for i := lo; i < hi; i++ {
			te.base[i] = -1
			te.keyPart[i], te.keyAt[i] = uint16(p), int32(i-lo)
			te.rows[p] = append(te.rows[p], int32(i))
		}
	}
	if t.Gen == 0 || te.keySets.gen != t.Gen || te.keySets.split != n {
		te.keySets.reset(t.Gen, n)
	}
}

// keep stores t as the keyframe.
func (te *tableEncoder) keep(t *Table) {
	te.inKey = true
	clear(te.keyRows)
	te.keyRows = append(te.keyRows[:0], t.Rows...)
	te.keyVals = append(te.keyVals[:0], t.Vals...)
	te.byID = nil // large, and rarely needed
}

func (te *tableEncoder) clearRows(n int) {
	for len(te.rows) < n {
		te.rows = append(te.rows, nil)
	}
	for p := range te.rows {
		te.rows[p] = te.rows[p][:0]
	}
}

// align finds each row of t in the keyframe. It does nothing while t.Gen is unchanged.
func (te *tableEncoder) align(t *Table, key uint64, split int) {
	if te.aligned == key && t.Gen != 0 && te.gen == t.Gen && len(te.base) == len(t.Rows) {
		return
	}
	if !te.inKey {
		te.keyRows, te.keyVals = te.keyRows[:0], te.keyVals[:0]
		te.byID = nil
	}
	te.aligned, te.gen, te.added = key, t.Gen, 0
	te.base = slices.Grow(te.base[:0], len(t.Rows))[:len(t.Rows)]
	te.clearRows(split)
	te.sets.reset(t.Gen, split)
	next, part := int32(0), uint16(0)
	for i, row := range t.Rows {
		k := te.find(row, next)
		te.base[i] = k
		if k < 0 {
			te.added++ // it is encoded in the part of the previous row
		} else {
			next, part = k+1, te.keyPart[k]
		}
		te.rows[part] = append(te.rows[part], int32(i))
	}
}

// find returns the row's index in the keyframe, -1 if that does not have it. It tries
// index hint first.
func (te *tableEncoder) find(row *Row, hint int32) int32 {
	if int(hint) < len(te.keyRows) && te.keyRows[hint] == row {
		return hint
	}
	if len(te.byID) == 0 {
		if te.byID == nil {
			te.byID = make(map[uint64]int32, len(te.keyRows))
		}
		for i, r := range te.keyRows {
			te.byID[r.ID] = int32(i)
		}
	}
	k, ok := te.byID[row.ID]
	if !ok || (te.keyRows[k] != row && !sameIdentity(te.keyRows[k], row)) {
		return -1
	}
	return k
}

func sameIdentity(a, b *Row) bool {
	return a.ID == b.ID && a.Parent == b.Parent && a.Key == b.Key && slices.Equal(a.Labels, b.Labels)
}

// rowSet returns the encoded row set of part p.
func (te *tableEncoder) rowSet(t *Table, p int, d *dictionary) *rowSet {
	s := &te.sets
	if te.aligned == 0 {
		s = &te.keySets
	}
	rs := &s.part[p]
	rows := te.rows[p]
	if len(rs.b) > 0 || len(rows) == 0 {
		return rs
	}
	d.reset()
	expect := int32(0)
	for i := 0; i < len(rows); {
		n := te.run(rows[i:])
		k := te.base[rows[i]]
		if k < 0 {
			rs.b = binary.AppendUvarint(rs.b, uint64(n)<<1|1)
			for _, r := range rows[i : i+n] {
				rs.b = d.append(rs.b, t.Rows[r])
			}
		} else {
			rs.b = binary.AppendUvarint(rs.b, uint64(n)<<1)
			rs.b = binary.AppendVarint(rs.b, int64(te.keyAt[k]-expect))
			expect = te.keyAt[k] + int32(n)
		}
		i += n
	}
	rs.labels, rs.strings = d.labels, len(d.index)
	d.reset()
	return rs
}

// run returns how many rows, from the first on, have no base, or are consecutive in the
// keyframe.
func (te *tableEncoder) run(rows []int32) int {
	k := te.base[rows[0]]
	n := 1
	for n < len(rows) {
		b := te.base[rows[n]]
		if (k < 0) != (b < 0) || k >= 0 && b != k+int32(n) {
			break
		}
		n++
	}
	return n
}
