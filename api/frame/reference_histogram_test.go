package frame

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// refHist is a histogram as plain as can be: counts by index; zeros are at 1<<20
// and negative values beyond 1<<21.
type refHist map[int]float64

const (
	refZero     = 1 << 20
	refNegative = 1 << 22
)

func refOf(h *sketch.Histogram) refHist {
	m := refHist{}
	if h == nil {
		return m
	}
	for b := h.Positive(); b.Next(); {
		m[int(b.Index)] = b.Count
	}
	if h.Zero() > 0 {
		m[refZero] = h.Zero()
	}
	for b := h.Negative(); b.Next(); {
		m[int(b.Index)+refNegative] = b.Count
	}
	return m
}

// indexes returns the indexes of the buckets that are not empty. An empty one would take a
// page of a histogram, and may collapse others.
func (m refHist) indexes(negative bool) []int {
	var is []int
	for i, n := range m {
		if n != 0 && i != refZero && i > refZero == negative {
			is = append(is, i)
		}
	}
	slices.Sort(is)
	return is
}

// refHistograms writes the section of a table's histograms.
func refHistograms(t, kt *Table) []byte {
	if t == nil || len(t.Histograms) == 0 {
		return nil
	}
	var heads, indexes, counts []byte
	gap := uint64(0)
	for i, h := range t.Histograms {
		var base *sketch.Histogram
		if kt != nil && len(kt.Histograms) > 0 {
			if k := slices.IndexFunc(kt.Rows, func(k *Row) bool { return sameIdentity(k, t.Rows[i]) }); k >= 0 {
				base = kt.Histograms[k]
			}
		}
		if h == nil && base == nil || h != nil && base != nil && h.Equal(base) && h.Collapsed() == base.Collapsed() {
			gap++
			continue
		}
		if h == nil {
			heads = binary.AppendUvarint(heads, gap<<3|4)
			gap = 0
			continue
		}
		now, from := refOf(h), refOf(base)
		number := func(i int) {
			d := now[i] - from[i]
			if math.Abs(d) < 1<<53 && d == math.Trunc(d) && from[i]+d == now[i] {
				counts = binary.AppendUvarint(counts, zigzag(int64(d))*2)
				return
			}
			counts = append(counts, 1)
			counts = binary.LittleEndian.AppendUint64(counts, math.Float64bits(now[i]))
		}
		buckets := func(negative bool, off int) {
			all := append(now.indexes(negative), from.indexes(negative)...)
			slices.Sort(all)
			all = slices.DeleteFunc(slices.Compact(all), func(i int) bool { return now[i] == from[i] })
			indexes = binary.AppendUvarint(indexes, uint64(len(all)))
			for k, i := range all {
				if k == 0 {
					indexes = binary.AppendVarint(indexes, int64(i-off))
				} else {
					indexes = binary.AppendUvarint(indexes, uint64(i-all[k-1]-1))
				}
				number(i)
			}
		}
		head := gap << 3
		gap = 0
		i0, c0 := len(indexes), len(counts)
		if c := t.Row(i)[metric.AppSum]; c == metric.Absent || c != metric.FromFloat(h.Sum()) {
			head |= 1
			counts = binary.LittleEndian.AppendUint64(counts, math.Float64bits(h.Sum()))
		}
		more := now[refZero] != from[refZero]
		for _, i := range append(now.indexes(true), from.indexes(true)...) {
			more = more || now[i] != from[i]
		}
		buckets(false, 0)
		if more {
			head |= 2
			number(refZero)
			buckets(true, refNegative)
		}
		heads = binary.AppendUvarint(heads, head)
		heads = binary.AppendUvarint(heads, uint64(len(indexes)-i0))
		heads = binary.AppendUvarint(heads, uint64(len(counts)-c0))
	}
	if len(heads) == 0 {
		return nil
	}
	sec := binary.AppendUvarint(nil, uint64(len(heads)))
	sec = append(sec, heads...)
	sec = binary.AppendUvarint(sec, uint64(len(indexes)))
	sec = slices.Concat(sec, indexes, counts)
	out := binary.AppendUvarint(nil, 140)
	return append(binary.AppendUvarint(out, uint64(len(sec))), sec...)
}

// refReadHistograms reads a section, or panics. base is the rows' histograms in
// the keyframe. It returns those that the section brings.
func refReadHistograms(t *Table, base []*sketch.Histogram, r *bytes.Reader) (listed []*sketch.Histogram) {
	heads := bytes.NewReader(refBytes(r))
	indexes := bytes.NewReader(refBytes(r))
	row := 0
	for heads.Len() > 0 {
		head := refU(heads)
		row += int(head >> 3)
		if head&4 != 0 {
			t.Histograms[row] = nil
			row++
			continue
		}
		i1, c1 := indexes.Len()-int(refU(heads)), r.Len()-int(refU(heads))
		m := refOf(base[row])
		sum := uint64(t.Row(row)[metric.AppSum])
		if head&1 != 0 {
			sum = refFixed(r)
		}
		number := func(i int) {
			u := refU(r)
			if u&1 == 1 {
				m[i] = math.Float64frombits(refFixed(r))
			} else {
				m[i] += float64(unzigzag(u / 2))
			}
		}
		buckets := func(off int) {
			at := 0
			for k := range refU(indexes) {
				if k == 0 {
					at = int(refI(indexes)) + off
				} else {
					at += int(refU(indexes)) + 1
				}
				number(at)
			}
		}
		buckets(0)
		if head&2 != 0 {
			number(refZero)
			buckets(refNegative)
		}
		if indexes.Len() != i1 || r.Len() != c1 {
			panic("lengths")
		}
		h := new(sketch.Histogram)
		h.AddSum(math.Float64frombits(sum))
		for _, i := range m.indexes(false) {
			h.AddPositive(int32(i), m[i])
		}
		h.AddZero(m[refZero])
		for _, i := range m.indexes(true) {
			h.AddNegative(int32(i-refNegative), m[i])
		}
		if base[row] != nil {
			h.SetCollapsed(base[row].Collapsed())
		}
		t.Histograms[row] = h
		listed = append(listed, h)
		row++
	}
	return listed
}

func refFixed(r *bytes.Reader) uint64 {
	var v uint64
	if err := binary.Read(r, binary.LittleEndian, &v); err != nil {
		panic(err)
	}
	return v
}

// sameHistograms compares by row id: parts may bring rows in another order.
func sameHistograms(t testing.TB, want, got *Table) {
	t.Helper()
	if len(got.Histograms) != 0 && len(got.Histograms) != len(got.Rows) {
		t.Fatalf("%d histograms for %d rows", len(got.Histograms), len(got.Rows))
	}
	byID := map[uint64]*sketch.Histogram{}
	for i, h := range got.Histograms {
		byID[got.Rows[i].ID] = h
	}
	for i, h := range want.Histograms {
		g := byID[want.Rows[i].ID]
		switch {
		case h == nil && g == nil:
		case h == nil || g == nil || !h.Equal(g):
			t.Fatalf("histogram of row %d differs: %+v, want %+v", i, g, h)
		case g.Collapsed() != h.Collapsed():
			t.Fatalf("histogram of row %d has %v collapsed, want %v", i, g.Collapsed(), h.Collapsed())
		case math.Abs(g.Count()-h.Count()) > 1e-9*h.Count():
			t.Fatalf("histogram of row %d counts %v, want %v", i, g.Count(), h.Count())
		}
	}
	if len(want.Histograms) == 0 {
		for _, h := range got.Histograms {
			if h != nil {
				t.Fatal("a histogram out of nowhere")
			}
		}
	}
}
