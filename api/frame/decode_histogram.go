package frame

import (
	"encoding/binary"
	"math"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// histogramReader decodes one histogram.
type histogramReader struct {
	indexes, counts reader
}

// decodeHistograms decodes a section. It replaces the rows' histograms of the keyframe by
// new ones where they differ. A row for which want returns false gets no histogram.
func (d *Decoder) decodeHistograms(payload []byte, s *sketches) error {
	dst := s.histograms
	heads, indexes, counts, ok := openLists(payload)
	if !ok {
		return corrupt("histograms are cut")
	}
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
		h := histogramReader{
			reader{b: indexes.bytes(heads.count(MaxBody))}, reader{b: counts.bytes(heads.count(MaxBody))},
		}
		if heads.bad || indexes.bad || counts.bad {
			return corrupt("histogram is cut")
		}
		if s.want != nil && !s.want(s.rows[row]) {
			d.listed = append(d.listed, nil)
			continue
		}
		if base == nil {
			base = &d.empty
		}
		to := s.own.histograms.get()
		to.Reset()
		if !h.read(head, base, to, s.sums[row*s.step]) {
			return corrupt("histogram has impossible values")
		}
		if d.left.histograms -= to.Size(); d.left.histograms < 0 {
			return corrupt("histograms are too large")
		}
		dst[row] = to
		d.listed = append(d.listed, to)
	}
	if indexes.left() > 0 || counts.left() > 0 {
		return corrupt("histograms do not add up")
	}
	return nil
}

// read sets dst, which is empty, to base plus the encoded differences.
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
		zero = h.counts.number(zero)
	}
	dst.AddZero(zero)
	if !h.buckets(base.Negative(), dst.AddNegative, more) {
		return false
	}
	dst.SetCollapsed(base.Collapsed())
	return !h.counts.bad && h.indexes.left() == 0 && h.counts.left() == 0
}

// buckets decodes one range: it calls add with the base's buckets, changed by the encoded
// differences if coded is set.
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
		if v = h.counts.number(v); v > 0 {
			add(i, v)
		}
	}
	for ; more; more = base.Next() {
		add(base.Index, base.Count)
	}
	return !h.indexes.bad && !h.counts.bad
}

// number decodes a number that is encoded relative to from, its value in the base.
func (r *reader) number(from float64) float64 {
	u := r.uvarint()
	v := from + float64(unzigzag(u>>1))
	if u&1 != 0 {
		b := r.bytes(8)
		if b == nil || u != 1 {
			r.bad = true
			return 0
		}
		v = math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	if !(v >= 0 && v <= math.MaxFloat64) {
		r.bad = true
		return 0
	}
	return v
}

// decodeCollapsed decodes the collapsed weights of the histograms in d.listed.
func (d *Decoder) decodeCollapsed(payload []byte) error {
	r := reader{b: payload}
	for at := 0; r.left() > 0; at++ {
		at += r.count(len(d.listed))
		if r.bad || at >= len(d.listed) {
			return corrupt("collapsed histogram that is not there")
		}
		h := d.listed[at]
		if h == nil { // the row is not wanted
			h = &d.unwanted
			h.SetCollapsed(math.MaxFloat64 / 2)
		}
		h.SetCollapsed(r.number(h.Collapsed()))
		if r.bad {
			return corrupt("collapsed weight is impossible")
		}
	}
	return nil
}
