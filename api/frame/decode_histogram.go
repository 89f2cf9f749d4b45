package frame

import (
	"encoding/binary"
	"math"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// histogramReader reads one histogram.
type histogramReader struct {
	indexes, counts reader
}

// shareHistograms makes each row's histogram that of its keyframe, which nobody
// will change.
func shareHistograms(dst []*sketch.Histogram, segs []segment, rows int, key []*sketch.Histogram) []*sketch.Histogram {
	dst = resize(dst, rows)
	clear(dst)
	at := 0
	for _, g := range segs {
		if g.start >= 0 && g.start < len(key) {
			copy(dst[at:at+g.count], key[g.start:])
		}
		at += g.count
	}
	return dst
}

// decodeHistograms reads a section. dst is the rows' histograms in the keyframe;
// those that differ are replaced by new ones from the pool. The sum of row r is
// sums[r*step] if the section has no other. A row that want refuses, if there is
// a want, gets none.
func (d *Decoder) decodeHistograms(payload []byte, dst []*sketch.Histogram, sums []int64, step int, from *pool, rows []*Row, want func(*Row) bool) error {
	p := reader{b: payload}
	heads := reader{b: p.bytes(p.count(MaxBody))}
	indexes := reader{b: p.bytes(p.count(MaxBody))}
	if p.bad {
		return corrupt("histograms are cut")
	}
	counts := reader{b: payload[p.pos:]}
	for row := 0; heads.left() > 0; row++ {
		head := heads.uvarint()
		gap := head >> histogramBits
		if heads.bad || gap >= uint64(len(dst)-row) {
			return corrupt("histogram of no row")
		}
		row += int(gap)
		base := dst[row]
		dst[row] = nil
		if head&histogramNone != 0 {
			continue
		}
		h := histogramReader{reader{b: indexes.bytes(heads.count(MaxBody))}, reader{b: counts.bytes(heads.count(MaxBody))}}
		if heads.bad || indexes.bad || counts.bad {
			return corrupt("histogram is cut")
		}
		if want != nil && !want(rows[row]) {
			continue
		}
		if base == nil {
			base = &d.empty
		}
		to := from.get()
		if !h.read(head, base, to, sums[row*step]) {
			return corrupt("histogram makes no sense")
		}
		if d.left.histograms -= to.Size(); d.left.histograms < 0 {
			return corrupt("histograms are too large")
		}
		dst[row] = to
	}
	if indexes.left() > 0 || counts.left() > 0 {
		return corrupt("histograms do not add up")
	}
	return nil
}

// read makes dst what differs from base as it says.
func (h *histogramReader) read(head uint64, base, dst *sketch.Histogram, sum int64) bool {
	if head&histogramSum != 0 {
		b := h.counts.bytes(8)
		if b == nil {
			return false
		}
		sum = int64(binary.LittleEndian.Uint64(b))
	} else if sum == metric.Absent {
		return false
	}
	dst.AddSum(math.Float64frombits(uint64(sum)))
	more := head&histogramMore != 0
	if !h.buckets(base.Positive(), dst.AddPositive, true) {
		return false
	}
	zero := base.Zero()
	if more {
		zero = h.count(zero)
	}
	dst.AddZero(zero)
	return h.buckets(base.Negative(), dst.AddNegative, more) && !h.counts.bad && h.indexes.left() == 0 && h.counts.left() == 0
}

// buckets reads one range: the base's buckets, and, if coded, the differences.
func (h *histogramReader) buckets(base sketch.Buckets, add func(int32, float64), coded bool) bool {
	n := 0
	if coded {
		n = h.indexes.count(h.indexes.left())
	}
	more := base.Next()
	var at int64
	for k := range n {
		if k == 0 {
			at = h.indexes.varint()
		} else {
			at += 1 + int64(h.indexes.count(sketch.MaxIndex-sketch.MinIndex))
		}
		if h.indexes.bad || at < sketch.MinIndex || at > sketch.MaxIndex {
			return false
		}
		i := int32(at)
		for ; more && base.Index < i; more = base.Next() {
			add(base.Index, base.Count)
		}
		var v float64
		if more && base.Index == i {
			v = base.Count
			more = base.Next()
		}
		if v = h.count(v); v > 0 {
			add(i, v)
		}
	}
	for ; more; more = base.Next() {
		add(base.Index, base.Count)
	}
	return !h.indexes.bad && !h.counts.bad
}

// count reads a number that was from in the base.
func (h *histogramReader) count(from float64) float64 {
	u := h.counts.uvarint()
	v := from + float64(unzigzag(u>>1))
	if u&1 != 0 {
		b := h.counts.bytes(8)
		if b == nil || u != 1 {
			h.counts.bad = true
			return 0
		}
		v = math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	if !(v >= 0 && v <= math.MaxFloat64) {
		h.counts.bad = true
		return 0
	}
	return v
}

// Histograms is the histograms of App in one tick (or part), with their rows:
// what a query for percentiles decodes.
type Histograms struct {
	Columns
	Histograms []*sketch.Histogram // of each row; nil for a row that has none or was not asked for

	own pool
}

// histogramColumns is what the histograms' sums are taken from.
var histogramColumns = []int{metric.AppSum}

// DecodeHistograms reads the histograms of those rows that want accepts (nil for
// all) into dst, whose memory it reuses. For a delta, key is the keyframe's
// result with the same want. Unchanged histograms are shared with it. It
// otherwise behaves like Decode.
func (d *Decoder) DecodeHistograms(data []byte, key, dst *Histograms, want func(*Row) bool) error {
	dst.Histograms = dst.Histograms[:0]
	dst.own.used = 0
	var keyCols *Columns
	if key != nil {
		keyCols = &key.Columns
	}
	r, err := d.columnsOf(data, keyCols, &dst.Columns, metric.App, histogramColumns)
	if err != nil || len(dst.Rows) == 0 {
		return err
	}
	var shared []*sketch.Histogram
	if key != nil && !dst.Keyframe() {
		shared = key.Histograms
	}
	dst.Histograms = shareHistograms(dst.Histograms, d.segs, len(dst.Rows), shared)
	d.left.histograms = MaxHistograms
	for r.left() > 0 {
		kind, payload := nextSection(&r)
		if r.bad {
			err = corrupt("section is cut")
		} else if kind == histogramSection {
			err = d.decodeHistograms(payload, dst.Histograms, dst.Vals[0], 1, &dst.own, dst.Rows, want)
			r = reader{}
		}
		if err != nil {
			dst.Rows, dst.Histograms = dst.Rows[:0], dst.Histograms[:0]
			return err
		}
	}
	return nil
}
