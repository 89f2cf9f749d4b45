package frame

import (
	"encoding/binary"

	"github.com/daytwo/daytwo/api/metric"
)

// cursor is the position in the deltas of one column.
type cursor struct {
	b    []byte // the deltas that are not decoded yet
	zero int    // deltas of 0 that come before b
}

// blockRows is the number of rows whose columns are all decoded before the next rows, so
// that their values stay in the L2 cache.
const blockRows = 64

// section is the encoded form of a table.
type section struct {
	gen    uint64
	width  int // columns that the writer's version has
	rows   int
	set    []byte // the row set
	bitmap []byte // which columns have deltas
	rest   reader // the columns' lengths, then their deltas
}

// parseSection decodes a table's section up to the columns' lengths.
func parseSection(payload []byte) (section, error) {
	r := reader{b: payload}
	s := section{gen: r.uvarint(), width: r.count(MaxWidth), rows: r.count(MaxRows)}
	s.set = r.bytes(r.count(MaxBody))
	s.bitmap = r.bytes((s.width + 7) / 8)
	if r.bad {
		return s, corrupt("table is cut or exceeds a limit")
	}
	if s.width%8 != 0 && s.bitmap[len(s.bitmap)-1]>>(s.width%8) != 0 {
		return s, corrupt("table has columns past its width")
	}
	s.rest = r
	return s, nil
}

// decodeTable decodes one table. key is the keyframe's table, nil if it has none.
func (d *Decoder) decodeTable(payload []byte, h *Header, key, t *Table) error {
	s, err := parseSection(payload)
	if err != nil {
		return err
	}
	w := metric.Width(t.Kind)
	d.left.rows -= s.rows
	d.left.values -= s.rows * w
	if d.left.rows < 0 || d.left.values < 0 {
		return corrupt("too many rows")
	}
	added, err := d.decodeRows(s.set, t.Kind, h, s.rows)
	if err != nil {
		return err
	}
	if err := d.openColumns(&s, w); err != nil {
		return err
	}
	t.Gen = s.gen
	t.Rows = resize(t.Rows, s.rows)
	t.Vals = resize(t.Vals, s.rows*w)
	at := 0
	for _, g := range d.segs {
		if g.start < 0 {
			copy(t.Rows[at:], added[:g.count])
			added = added[g.count:]
			err = d.fillAdded(t.Vals, at, at+g.count, w, s.width)
		} else {
			if key == nil || g.start+g.count > len(key.Rows) {
				return corrupt("delta refers to a row that its keyframe lacks")
			}
			copy(t.Rows[at:], key.Rows[g.start:g.start+g.count])
			err = d.fillKept(t.Vals, key.Vals[g.start*w:], at, at+g.count, w)
		}
		if err != nil {
			return err
		}
		at += g.count
	}
	return d.closeColumns()
}

// openColumns sets d.curs to the deltas of the w columns that this version knows, and
// skips those of further columns.
func (d *Decoder) openColumns(s *section, w int) error {
	d.curs = resize(d.curs, w)
	clear(d.curs)
	lengths := s.rest
	total := 0
	for c := range s.width {
		if s.bitmap[c/8]>>(c%8)&1 != 0 {
			total += lengths.count(MaxBody)
		}
	}
	if lengths.bad || total != lengths.left() {
		return corrupt("columns do not add up")
	}
	data := lengths.b[lengths.pos:]
	lengths = s.rest
	for c := range s.width {
		if s.bitmap[c/8]>>(c%8)&1 != 0 {
			n := lengths.count(MaxBody)
			if c < w {
				d.curs[c].b = data[:n]
			}
			data = data[n:]
		}
	}
	return nil
}

// closeColumns checks that no column had more deltas than rows.
func (d *Decoder) closeColumns() error {
	for c := range d.curs {
		if len(d.curs[c].b) != 0 || d.curs[c].zero != 0 {
			return corrupt("column has more values than rows")
		}
	}
	return nil
}

// fillKept decodes the values of rows lo to hi, which the keyframe has too: key is their
// values there.
func (d *Decoder) fillKept(vals, key []int64, lo, hi, w int) error {
	for from := lo; from < hi; from += blockRows {
		to := min(hi, from+blockRows)
		copy(vals[from*w:to*w], key[(from-lo)*w:])
		for c := range d.curs {
			cur := &d.curs[c]
			n := to - from
			if cur.zero >= n {
				cur.zero -= n
				continue
			}
			if len(cur.b) == 0 && cur.zero == 0 {
				continue
			}
			if !cur.addTo(vals[from*w+c:to*w], n, w) {
				return corrupt("column is cut")
			}
		}
	}
	return nil
}

// addTo adds the next n deltas to every w-th value.
func (cur *cursor) addTo(vals []int64, n, w int) bool {
	b := cur.b
	i := cur.zero
	for i < n {
		if len(b) == 0 {
			cur.b, cur.zero = nil, 0
			return true
		}
		u := uint64(b[0])
		size := 1
		if u >= 0x80 {
			if u, size = binary.Uvarint(b); size <= 0 {
				return false
			}
		} else if u == 0 {
			u, size = binary.Uvarint(b[1:])
			if size <= 0 || u == 0 || u > MaxRows {
				return false
			}
			b = b[1+size:]
			i += int(u)
			continue
		}
		b = b[size:]
		vals[i*w] += unzigzag(u)
		i++
	}
	cur.b, cur.zero = b, i-n
	return true
}

// fillAdded decodes the values of rows lo to hi, each a delta against the row before it.
func (d *Decoder) fillAdded(vals []int64, lo, hi, w, width int) error {
	for from := lo; from < hi; from += blockRows {
		to := min(hi, from+blockRows)
		for c := range d.curs {
			var v int64
			switch {
			case c >= width:
				v = metric.Absent
			case from > 0:
				v = vals[(from-1)*w+c]
			}
			if !d.curs[c].sumTo(vals[from*w+c:to*w], to-from, w, v) {
				return corrupt("column is cut")
			}
		}
	}
	return nil
}

// sumTo writes the running sum of the next n deltas to every w-th value.
func (cur *cursor) sumTo(vals []int64, n, w int, v int64) bool {
	for i := range n {
		switch {
		case cur.zero > 0:
			cur.zero--
		case len(cur.b) > 0:
			u, size := binary.Uvarint(cur.b)
			if size <= 0 {
				return false
			}
			cur.b = cur.b[size:]
			if u == 0 {
				u, size = binary.Uvarint(cur.b)
				if size <= 0 || u == 0 || u > MaxRows {
					return false
				}
				cur.b = cur.b[size:]
				cur.zero = int(u) - 1
			} else {
				v += unzigzag(u)
			}
		}
		vals[i*w] = v
	}
	return true
}
