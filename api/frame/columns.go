package frame

import (
	"slices"

	"github.com/daytwo/daytwo/api/metric"
)

// Columns holds some columns of one kind in one tick (or part of a tick). A query over
// history decodes them at a fraction of the cost of the whole tick.
type Columns struct {
	Header
	Kind metric.Kind
	Cols []int // which columns of Kind
	Rows []*Row
	Vals [][]int64 // Vals[i][r] is column Cols[i] of Rows[r], or metric.Absent
}

// DecodeColumns decodes the given columns of one kind of a frame into dst, whose memory it
// reuses. Without columns it decodes only Rows. For a delta, key is the keyframe's result
// for the same kind and columns. Otherwise it behaves like Decode.
func (d *Decoder) DecodeColumns(data []byte, key, dst *Columns, kind metric.Kind, cols []int) error {
	_, err := d.columnsOf(data, key, dst, kind, cols)
	return err
}

// columnsOf is DecodeColumns. It also returns a reader of the sections after the table.
func (d *Decoder) columnsOf(data []byte, key, dst *Columns, kind metric.Kind, cols []int) (reader, error) {
	dst.Rows = dst.Rows[:0]
	dst.Kind, dst.Cols = kind, append(dst.Cols[:0], cols...)
	for dst.Vals = dst.Vals[:cap(dst.Vals)]; len(dst.Vals) < len(cols); {
		dst.Vals = append(dst.Vals, nil)
	}
	dst.Vals = dst.Vals[:len(cols)]
	for i := range dst.Vals {
		dst.Vals[i] = dst.Vals[i][:0]
	}
	var keyHeader *Header
	if key != nil && key.Kind == kind && slices.Equal(key.Cols, cols) {
		keyHeader = &key.Header
	}
	body, err := d.open(data, keyHeader, &dst.Header)
	if err != nil {
		return reader{}, err
	}
	r := reader{b: body}
	for r.left() > 0 {
		k, payload := nextSection(&r)
		if r.bad {
			return r, corrupt("section is cut")
		}
		if k == uint64(kind) {
			if dst.Keyframe() {
				key = nil
			}
			if err := d.decodeColumns(payload, key, dst); err != nil {
				dst.Rows = dst.Rows[:0]
				return r, err
			}
			return r, nil
		}
	}
	return r, nil
}

func (d *Decoder) decodeColumns(payload []byte, key, dst *Columns) error {
	s, err := parseSection(payload)
	if err != nil {
		return err
	}
	w := metric.Width(dst.Kind)
	if s.rows*w > MaxValues {
		return corrupt("too many rows")
	}
	d.left = budget{labels: MaxAllLabels, strings: MaxStrings}
	added, err := d.decodeRows(s.set, dst.Kind, &dst.Header, s.rows)
	if err != nil {
		return err
	}
	if err := d.openColumns(&s, w); err != nil {
		return err
	}
	dst.Rows = resize(dst.Rows, s.rows)
	at := 0
	for _, g := range d.segs {
		if g.start < 0 {
			added = added[copy(dst.Rows[at:at+g.count], added):]
		} else {
			if key == nil || g.start+g.count > len(key.Rows) {
				return corrupt("delta refers to a row that its keyframe lacks")
			}
			copy(dst.Rows[at:], key.Rows[g.start:g.start+g.count])
		}
		at += g.count
	}
	for i, c := range dst.Cols {
		vals := resize(dst.Vals[i], s.rows)
		dst.Vals[i] = vals
		if c < 0 || c >= min(w, s.width) {
			for r := range vals {
				vals[r] = metric.Absent
			}
			continue
		}
		cur := d.curs[c] // a copy, since cols may name a column twice
		if !d.fillColumn(&cur, vals, key, i) {
			return corrupt("column is cut or too long")
		}
	}
	return nil
}

// fillColumn decodes the one column that cur reads.
func (d *Decoder) fillColumn(cur *cursor, vals []int64, key *Columns, i int) bool {
	at := 0
	for _, g := range d.segs {
		seg := vals[at : at+g.count]
		ok := false
		if g.start < 0 {
			var before int64
			if at > 0 {
				before = vals[at-1]
			}
			ok = cur.sumTo(seg, g.count, 1, before)
		} else {
			copy(seg, key.Vals[i][g.start:])
			ok = cur.zero >= g.count
			if ok {
				cur.zero -= g.count
			} else {
				ok = cur.addTo(seg, g.count, 1)
			}
		}
		if !ok {
			return false
		}
		at += g.count
	}
	return len(cur.b) == 0 && cur.zero == 0
}
