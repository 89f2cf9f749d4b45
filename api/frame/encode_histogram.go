package frame

import (
	"encoding/binary"
	"math"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// histogramEncoder keeps the keyframe's histograms, and collects the lists of a section.
type histogramEncoder struct {
	key     Table  // its Histograms are copies of the keyframe's, by row of the keyframe
	heads   []byte // of each histogram that differs from its base
	indexes []byte // of the buckets that differ
	counts  []byte // of those buckets
	differ  []int32
	empty   sketch.Histogram

	collapsed []byte // collapsed weights that differ
	since     int    // histograms in heads after the last one in collapsed
}

// append appends the section of table t, part p, to body. It also returns the bytes of
// memory that a decoder needs for the histograms.
func (e *histogramEncoder) append(body []byte, t *Table, te *tableEncoder, p int) ([]byte, int) {
	e.heads, e.indexes, e.counts = e.heads[:0], e.indexes[:0], e.counts[:0]
	e.collapsed, e.since = e.collapsed[:0], 0
	size, next := 0, 0
	for j, i := range te.rows[p] {
		var now, base *sketch.Histogram
		if len(t.Histograms) > 0 {
			now = t.Histograms[i]
		}
		if k := te.base[i]; k >= 0 && int(k) < len(e.key.Histograms) {
			base = e.key.Histograms[k]
		}
		if now == base || now != nil && base != nil && now.Equal(base) && now.Collapsed() == base.Collapsed() {
			continue
		}
		head := uint64(j-next) << histogramBits
		next = j + 1
		if now == nil {
			e.heads = binary.AppendUvarint(e.heads, head|histogramNone)
			continue
		}
		if base == nil {
			base = &e.empty
		}
		e.one(head, now, base, t.Vals[int(i)*t.Width()+metric.AppSum])
		size += now.Size()
	}
	if len(e.heads) == 0 {
		return body, 0
	}
	body = appendLists(body, histogramSection, e.heads, e.indexes, e.counts)
	return e.appendCollapsed(body), size
}

// appendCollapsed appends the section of collapsed weights, if any differ.
func (e *histogramEncoder) appendCollapsed(body []byte) []byte {
	if len(e.collapsed) == 0 {
		return body
	}
	body = binary.AppendUvarint(body, collapsedSection)
	body = binary.AppendUvarint(body, uint64(len(e.collapsed)))
	return append(body, e.collapsed...)
}

// one encodes the differences of a histogram from its base.
func (e *histogramEncoder) one(head uint64, now, base *sketch.Histogram, sum int64) {
	indexes, counts := len(e.indexes), len(e.counts)
	if !sameSum(sum, now.Sum()) {
		head |= histogramSum
		e.counts = binary.LittleEndian.AppendUint64(e.counts, math.Float64bits(now.Sum()))
	}
	more := now.Zero() != base.Zero() || differ(now.Negative(), base.Negative())
	if more {
		head |= histogramMore
	}
	e.buckets(now.Positive(), base.Positive())
	if more {
		e.counts = appendNumber(e.counts, now.Zero(), base.Zero())
		e.buckets(now.Negative(), base.Negative())
	}
	if now.Collapsed() != base.Collapsed() {
		e.collapsed = binary.AppendUvarint(e.collapsed, uint64(e.since))
		e.collapsed = appendNumber(e.collapsed, now.Collapsed(), base.Collapsed())
		e.since = -1
	}
	e.since++
	e.heads = binary.AppendUvarint(e.heads, head)
	e.heads = binary.AppendUvarint(e.heads, uint64(len(e.indexes)-indexes))
	e.heads = binary.AppendUvarint(e.heads, uint64(len(e.counts)-counts))
}

// buckets encodes the buckets of a range that differ.
func (e *histogramEncoder) buckets(now, base sketch.Buckets) {
	e.differ = e.differ[:0]
	for d := (differences{now: now, base: base}); d.next(); {
		e.differ = append(e.differ, d.index)
		e.counts = appendNumber(e.counts, d.value, d.from)
	}
	e.indexes = binary.AppendUvarint(e.indexes, uint64(len(e.differ)))
	for k, i := range e.differ {
		if k == 0 {
			e.indexes = binary.AppendVarint(e.indexes, int64(i))
		} else {
			e.indexes = binary.AppendUvarint(e.indexes, uint64(i-e.differ[k-1]-1))
		}
	}
}

// appendNumber encodes a number relative to from, its value in the base.
func appendNumber(b []byte, value, from float64) []byte {
	d := value - from
	if d > -whole && d < whole && d == math.Trunc(d) && from+d == value {
		return binary.AppendUvarint(b, zigzag(int64(d))<<1)
	}
	b = append(b, 1)
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(value))
}

func differ(now, base sketch.Buckets) bool {
	d := differences{now: now, base: base}
	return d.next()
}

// differences iterates over the buckets in which two histograms differ.
type differences struct {
	now, base sketch.Buckets
	begun     bool
	more      [2]bool // now and base have a current bucket

	index       int32
	value, from float64
}

func (d *differences) next() bool {
	if !d.begun {
		d.begun = true
		d.more[0], d.more[1] = d.now.Next(), d.base.Next()
	}
	for d.more[0] || d.more[1] {
		takeNow := d.more[0] && (!d.more[1] || d.now.Index <= d.base.Index)
		takeBase := d.more[1] && (!d.more[0] || d.base.Index <= d.now.Index)
		d.value, d.from = 0, 0
		if takeNow {
			d.index, d.value = d.now.Index, d.now.Count
			d.more[0] = d.now.Next()
		}
		if takeBase {
			d.index, d.from = d.base.Index, d.base.Count
			d.more[1] = d.base.Next()
		}
		if d.value != d.from {
			return true
		}
	}
	return false
}
