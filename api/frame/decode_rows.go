package frame

import (
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/metric"
)

// segment is consecutive rows of a table: rows that the keyframe has consecutively from
// index start on, or added rows.
type segment struct {
	count int
	start int // -1 for added rows
}

// rowCache holds the last row sets, so that identical ones (in the next keyframe, or rows
// that are added in each delta until then) are not decoded again.
type rowCache [metric.MaxKind + 1][2][cachedParts]cachedSet

// cachedParts is the number of parts of a tick whose row sets are cached.
const cachedParts = 4

type cachedSet struct {
	src    string // the encoded set, of which the rows' strings are slices
	rows   []*Row // the added rows
	labels int
	strs   int
}

// decodeRows decodes a row set. It sets d.segs, and returns the added rows in order.
func (d *Decoder) decodeRows(set []byte, k metric.Kind, h *Header, total int) ([]*Row, error) {
	left := &d.left
	d.segs = d.segs[:0]
	slot := 0
	if h.Keyframe() {
		slot = 1
	}
	var hit *cachedSet
	if int(h.Part) < cachedParts {
		hit = &d.cache[k][slot][h.Part]
	}
	p := rowParser{r: reader{b: set}, d: d}
	if hit != nil && len(set) > 0 && hit.src == string(set) {
		left.labels -= hit.labels
		left.strings -= hit.strs
		if left.labels < 0 || left.strings < 0 {
			return nil, corrupt("too many labels")
		}
		p.known = hit.rows
	}
	labels, strs := left.labels, left.strings
	rows, err := p.parse(total)
	if err != nil {
		return nil, err
	}
	if hit != nil && p.known == nil && len(rows) > 0 {
		*hit = cachedSet{src: p.src, rows: rows, labels: labels - left.labels, strs: strs - left.strings}
	}
	return rows, nil
}

// rowParser decodes one row set.
type rowParser struct {
	r      reader
	d      *Decoder
	src    string // r.b as a string, once a row is added
	known  []*Row // the added rows, if an identical set is cached
	slab   []Label
	id     uint64
	parent uint64
}

func (p *rowParser) parse(total int) ([]*Row, error) {
	d := p.d
	d.strs = d.strs[:0]
	defer func() { clear(d.strs) }()
	var rows []*Row
	expect, seen := 0, 0
	for p.r.left() > 0 {
		h := p.r.uvarint()
		n := int(h >> 1)
		if p.r.bad || h>>1 > uint64(total-seen) || n == 0 {
			return nil, corrupt("row set does not add up")
		}
		seen += n
		if h&1 == 0 {
			start := expect + int(p.r.varint())
			if p.r.bad || start < 0 || start > MaxRows {
				return nil, corrupt("row set refers to no row")
			}
			expect = start + n
			d.segs = append(d.segs, segment{n, start})
			continue
		}
		d.segs = append(d.segs, segment{n, -1})
		if p.known != nil {
			// The same bytes were decoded before: only skip the identities.
			if err := p.skip(n); err != nil {
				return nil, err
			}
			continue
		}
		var err error
		if rows, err = p.add(rows, n); err != nil {
			return nil, err
		}
	}
	if seen != total {
		return nil, corrupt("row set has %d rows, not %d", seen, total)
	}
	if p.known != nil {
		return p.known, nil
	}
	return rows, nil
}

// add decodes n identities.
func (p *rowParser) add(rows []*Row, n int) ([]*Row, error) {
	if n > p.r.left()/4 { // an identity has at least four bytes
		return nil, corrupt("row set is cut")
	}
	if p.src == "" {
		p.src = string(p.r.b)
	}
	slab := make([]Row, n)
	for i := range slab {
		row := &slab[i]
		p.id += uint64(p.r.varint())
		p.parent += uint64(p.r.varint())
		row.ID, row.Parent = p.id, p.parent
		row.Key = p.string()
		if err := p.labels(row); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	if p.r.bad || p.d.left.strings < 0 {
		return nil, corrupt("identity is cut or exceeds a limit")
	}
	return rows, nil
}

func (p *rowParser) labels(row *Row) error {
	n := p.r.count(MaxLabels)
	if p.r.bad || n > p.r.left()/2 || n > p.d.left.labels {
		return corrupt("labels are cut or exceed a limit")
	}
	if n == 0 {
		return nil
	}
	p.d.left.labels -= n
	if len(p.slab) < n {
		p.slab = make([]Label, max(n, min(1024, p.r.left()/8)))
	}
	row.Labels, p.slab = p.slab[:n:n], p.slab[n:]
	for i := range row.Labels {
		l := &row.Labels[i]
		l.Name, l.Value = p.string(), p.string()
		if l.Name == "" || l.Value == "" || i > 0 && row.Labels[i-1].Name >= l.Name {
			return corrupt("labels are empty or not sorted")
		}
		if !utf8.ValidString(l.Name) || !utf8.ValidString(l.Value) {
			return corrupt("label is not UTF-8")
		}
	}
	return nil
}

// string decodes a reference to an earlier string, or a new string.
func (p *rowParser) string() string {
	ref := p.r.uvarint()
	if ref > uint64(len(p.d.strs)) {
		p.r.bad = true
	}
	if p.r.bad {
		return ""
	}
	if ref > 0 {
		return p.d.strs[ref-1]
	}
	n := p.r.count(MaxString)
	at := p.r.pos
	if p.d.left.strings--; p.d.left.strings < 0 {
		p.r.bad = true
	}
	if p.r.bytes(n); p.r.bad {
		return ""
	}
	s := p.src[at : at+n]
	p.d.strs = append(p.d.strs, s)
	return s
}

// skip skips n identities, which are known to be well formed.
func (p *rowParser) skip(n int) error {
	for range n {
		p.r.uvarint()
		p.r.uvarint()
		p.skipString()
		for range p.r.count(MaxLabels) {
			p.skipString()
			p.skipString()
		}
	}
	if p.r.bad {
		return corrupt("row set is cut")
	}
	return nil
}

func (p *rowParser) skipString() {
	if p.r.uvarint() == 0 {
		p.r.bytes(p.r.count(MaxString))
	}
}
