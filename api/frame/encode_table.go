package frame

import (
	"encoding/binary"
	"slices"
)

// column collects the deltas of one column.
type column struct {
	b    []byte
	next int // the row after the last one with a delta in b
}

// block is the number of values that are compared at once: one cache line.
const block = 8

// appendTable appends the section of table t, part p, to e.body.
func (e *Encoder) appendTable(t *Table, te *tableEncoder, rs *rowSet, p int) {
	w := t.Width()
	e.encodeValues(t, te, te.rows[p], w)
	m := binary.AppendUvarint(e.meta[:0], t.Gen)
	m = binary.AppendUvarint(m, uint64(w))
	m = binary.AppendUvarint(m, uint64(len(te.rows[p])))
	m = binary.AppendUvarint(m, uint64(len(rs.b)))
	m = append(m, rs.b...)
	bitmap := len(m)
	for range (w + 7) / 8 {
		m = append(m, 0)
	}
	size := 0
	for c := range w {
		if n := len(e.cols[c].b); n > 0 {
			m[bitmap+c/8] |= 1 << (c % 8)
			m = binary.AppendUvarint(m, uint64(n))
			size += n
		}
	}
	e.meta = m
	e.body = append(e.body, byte(t.Kind))
	e.body = binary.AppendUvarint(e.body, uint64(len(m)+size))
	e.body = append(e.body, m...)
	for c := range w {
		e.body = append(e.body, e.cols[c].b...)
	}
}

// encodeValues fills e.cols with the deltas of the given rows. It iterates row by row, in
// the order of the values in memory, and skips unchanged values by cache lines. Only
// values that differ from their base touch the buffer of their column.
func (e *Encoder) encodeValues(t *Table, te *tableEncoder, rows []int32, w int) {
	for len(e.cols) < w {
		e.cols = append(e.cols, column{})
	}
	cols := e.cols[:w]
	for c := range cols {
		cols[c].b, cols[c].next = cols[c].b[:0], 0
	}
	prev := zeroValues(&e.zeros, w)
	for j, i := range rows {
		row := t.Vals[int(i)*w:][:w]
		ref := prev
		if k := te.base[i]; k >= 0 {
			ref = te.keyVals[int(k)*w:][:w]
		}
		prev = row
		c := 0
		for ; c+block <= w; c += block {
			a, b := (*[block]int64)(row[c:]), (*[block]int64)(ref[c:])
			if (a[0]^b[0])|(a[1]^b[1])|(a[2]^b[2])|(a[3]^b[3])|(a[4]^b[4])|(a[5]^b[5])|(a[6]^b[6])|(a[7]^b[7]) == 0 {
				continue
			}
			for o := range block {
				if d := a[o] - b[o]; d != 0 {
					cols[c+o].add(j, d)
				}
			}
		}
		for ; c < w; c++ {
			if d := row[c] - ref[c]; d != 0 {
				cols[c].add(j, d)
			}
		}
	}
}

// add appends a non-zero delta, and before it the number of zeros since the last one.
func (c *column) add(row int, delta int64) {
	b := c.b
	if cap(b)-len(b) < 2*binary.MaxVarintLen64+1 {
		b = slices.Grow(b, max(64, len(b)))
	}
	n := len(b)
	b = b[:cap(b)]
	if gap := row - c.next; gap > 0 {
		b[n] = 0
		n = putUvarint(b, n+1, uint64(gap))
	}
	c.b = b[:putUvarint(b, n, zigzag(delta))]
	c.next = row + 1
}

// putUvarint writes v at b[n:], which must be long enough, and returns the index after it.
func putUvarint(b []byte, n int, v uint64) int {
	for v >= 0x80 {
		b[n] = byte(v) | 0x80
		v >>= 7
		n++
	}
	b[n] = byte(v)
	return n + 1
}

// zeroValues returns n zeros.
func zeroValues(buf *[]int64, n int) []int64 {
	if len(*buf) < n {
		*buf = make([]int64, n)
	}
	return (*buf)[:n]
}
