package frame

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/sketch"
)

// refSet is a set as plain as can be: hashes, or ranks by register.
type refSet struct {
	hashes map[uint64]bool
	ranks  map[int]byte
}

func refSetOf(s *sketch.Set) refSet {
	m := refSet{map[uint64]bool{}, nil}
	if s == nil {
		return m
	}
	for _, h := range s.Hashes() {
		m.hashes[h] = true
	}
	if !s.Exact() {
		m.ranks = map[int]byte{}
		for i, rank := range s.Registers() {
			if rank > 0 {
				m.ranks[i] = rank
			}
		}
	}
	return m
}

// wide is the set's registers, those of its hashes if it has none.
func (m refSet) wide() map[int]byte {
	if m.ranks != nil {
		return m.ranks
	}
	ranks := map[int]byte{}
	for h := range m.hashes {
		i, rank := int(h>>52), byte(53)
		if low := h & (1<<52 - 1); low != 0 {
			rank = byte(bits.LeadingZeros64(low) - 11)
		}
		ranks[i] = max(ranks[i], rank)
	}
	return ranks
}

func refDiffer(now, from map[int]byte) []int {
	var all []int
	for i := range 4096 {
		if now[i] != from[i] {
			all = append(all, i)
		}
	}
	return all
}

func refSorted(m map[uint64]bool) []uint64 {
	var all []uint64
	for h := range m {
		all = append(all, h)
	}
	slices.Sort(all)
	return all
}

// refSets writes the section of a table's sets.
func refSets(t, kt *Table) []byte {
	if len(t.Sets) == 0 {
		return nil
	}
	var heads, indexes, values []byte
	gap := uint64(0)
	for i, s := range t.Sets {
		var base *sketch.Set
		if kt != nil && len(kt.Sets) > 0 {
			if k := slices.IndexFunc(kt.Rows, func(k *Row) bool { return sameIdentity(k, t.Rows[i]) }); k >= 0 {
				base = kt.Sets[k]
			}
		}
		if s == nil && base == nil || s != nil && base != nil && s.Equal(base) {
			gap++
			continue
		}
		head := gap << 3
		gap = 0
		if s == nil {
			heads = binary.AppendUvarint(heads, head|4)
			continue
		}
		now, from := refSetOf(s), refSetOf(base)
		i0, v0 := len(indexes), len(values)
		if now.ranks != nil {
			head |= 1
			differ := refDiffer(now.ranks, from.wide())
			if anew := refDiffer(now.ranks, nil); len(anew) < len(differ) {
				head |= 2
				differ = anew
			}
			last := -1
			for _, k := range differ {
				indexes = binary.AppendUvarint(indexes, uint64(k-last-1))
				values = append(values, now.ranks[k])
				last = k
			}
		} else {
			var gone []int
			old := refSorted(from.hashes)
			for k, h := range old {
				if !now.hashes[h] {
					gone = append(gone, k)
				}
			}
			if from.ranks != nil || len(gone) == len(old) {
				head |= 2
				gone = nil
			}
			indexes = binary.AppendUvarint(indexes, uint64(len(gone)))
			last := -1
			for _, k := range gone {
				indexes = binary.AppendUvarint(indexes, uint64(k-last-1))
				last = k
			}
			for _, h := range refSorted(now.hashes) {
				if !from.hashes[h] {
					values = binary.LittleEndian.AppendUint64(values, h)
				}
			}
		}
		heads = binary.AppendUvarint(heads, head)
		heads = binary.AppendUvarint(heads, uint64(len(indexes)-i0))
		heads = binary.AppendUvarint(heads, uint64(len(values)-v0))
	}
	if len(heads) == 0 {
		return nil
	}
	sec := append(binary.AppendUvarint(nil, uint64(len(heads))), heads...)
	sec = append(binary.AppendUvarint(sec, uint64(len(indexes))), indexes...)
	sec = append(sec, values...)
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, 396), uint64(len(sec))), sec...)
}

// refReadSets reads a section, or panics. t.Sets is the rows' sets in the keyframe.
func refReadSets(t *Table, r *bytes.Reader) {
	heads, indexes := bytes.NewReader(refBytes(r)), bytes.NewReader(refBytes(r))
	for row := 0; heads.Len() > 0; row++ {
		head := refU(heads)
		row += int(head >> 3)
		base := t.Sets[row]
		t.Sets[row] = nil
		if head&4 != 0 {
			continue
		}
		i1, v1 := indexes.Len()-int(refU(heads)), r.Len()-int(refU(heads))
		if head&2 != 0 {
			base = nil
		}
		from := refSetOf(base)
		s := new(sketch.Set)
		last := -1
		if head&1 != 0 {
			s.CopyWide(s)
			for i, rank := range from.wide() {
				s.Registers()[i] = rank
			}
			for r.Len() > v1 {
				last += int(refU(indexes)) + 1
				s.Registers()[last], _ = r.ReadByte()
			}
		} else {
			if from.ranks != nil {
				panic("hashes on registers")
			}
			old := refSorted(from.hashes)
			for range refU(indexes) {
				last += int(refU(indexes)) + 1
				delete(from.hashes, old[last])
			}
			for r.Len() > v1 {
				from.hashes[refFixed(r)] = true
			}
			s.SetHashes(refSorted(from.hashes))
		}
		if indexes.Len() != i1 || r.Len() != v1 {
			panic("lengths")
		}
		t.Sets[row] = s
	}
}

// refCollapsed writes what is collapsed of the histograms that their section lists.
func refCollapsed(t, kt *Table) []byte {
	var sec []byte
	gap := uint64(0)
	for i, h := range t.Histograms {
		var base *sketch.Histogram
		if kt != nil && len(kt.Histograms) > 0 {
			if k := slices.IndexFunc(kt.Rows, func(k *Row) bool { return sameIdentity(k, t.Rows[i]) }); k >= 0 {
				base = kt.Histograms[k]
			}
		}
		if h == nil || base != nil && h.Equal(base) && h.Collapsed() == base.Collapsed() {
			continue
		}
		from := 0.0
		if base != nil {
			from = base.Collapsed()
		}
		if h.Collapsed() == from {
			gap++
			continue
		}
		sec = binary.AppendUvarint(sec, gap)
		gap = 0
		if d := h.Collapsed() - from; math.Abs(d) < 1<<53 && d == math.Trunc(d) && from+d == h.Collapsed() {
			sec = binary.AppendUvarint(sec, zigzag(int64(d))*2)
		} else {
			sec = binary.LittleEndian.AppendUint64(append(sec, 1), math.Float64bits(h.Collapsed()))
		}
	}
	if len(sec) == 0 {
		return nil
	}
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, 268), uint64(len(sec))), sec...)
}

// refReadCollapsed reads a section; listed are the histograms that theirs brought.
func refReadCollapsed(listed []*sketch.Histogram, r *bytes.Reader) {
	for at := 0; r.Len() > 0; at++ {
		at += int(refU(r))
		v := listed[at].Collapsed()
		if u := refU(r); u&1 == 1 {
			v = math.Float64frombits(refFixed(r))
		} else {
			v += float64(unzigzag(u / 2))
		}
		listed[at].SetCollapsed(v)
	}
}

// sameSets compares by row id: parts may bring rows in another order.
func sameSets(t testing.TB, want, got *Table) {
	t.Helper()
	if len(got.Sets) != 0 && len(got.Sets) != len(got.Rows) {
		t.Fatalf("%d sets for %d rows", len(got.Sets), len(got.Rows))
	}
	byID := map[uint64]*sketch.Set{}
	for i, s := range got.Sets {
		byID[got.Rows[i].ID] = s
		if s != nil && len(want.Sets) == 0 {
			t.Fatal("a set out of nowhere")
		}
	}
	for i, s := range want.Sets {
		g := byID[want.Rows[i].ID]
		if (s == nil) != (g == nil) || s != nil && !s.Equal(g) {
			t.Fatalf("set of row %d differs: %+v, want %+v", i, g, s)
		}
	}
}
