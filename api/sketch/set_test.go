package sketch

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

func members(from, to int) *Set {
	s := new(Set)
	for i := from; i < to; i++ {
		s.AddBytes(binary.LittleEndian.AppendUint64(nil, uint64(i)))
	}
	return s
}

// The estimate is exact up to MaxExact members, and within four standard errors for more.
func TestSetEstimate(t *testing.T) {
	for _, n := range []int{0, 1, 2, 63, 64, 65, 100, 500, 1000, 5000, 10_000, 20_000, 100_000, 300_000} {
		s := members(0, n)
		off := math.Abs(s.Estimate()-float64(n)) / math.Max(1, float64(n))
		switch {
		case s.Exact() != (n <= MaxExact):
			t.Errorf("%d: exact %v", n, s.Exact())
		case s.Exact() && off != 0:
			t.Errorf("%d: %v", n, s.Estimate())
		case off > 4*0.01625:
			t.Errorf("%d: %v, off by %.1f%%", n, s.Estimate(), 100*off)
		}
		if s.Estimate() != math.Trunc(s.Estimate()) {
			t.Errorf("%d: %v is not whole", n, s.Estimate())
		}
	}
}

// Over many sets, the mean error is near 0 and the standard error near 1.6%.
func TestSetError(t *testing.T) {
	for _, n := range []int{200, 3000, 12_000, 40_000} {
		var sum, squares float64
		const sets = 40
		for k := range sets {
			off := members(k*1_000_000, k*1_000_000+n).Estimate()/float64(n) - 1
			sum, squares = sum+off, squares+off*off
		}
		if mean, rms := sum/sets, math.Sqrt(squares/sets); math.Abs(mean) > 0.008 || rms > 0.022 {
			t.Errorf("%d members: off by %.2f%% on average, %.2f%% in the mean square", n, 100*mean, 100*rms)
		}
	}
}

func TestSetMerge(t *testing.T) {
	for _, c := range [][4]int{
		{0, 10, 5, 20}, {0, 60, 30, 90}, {0, 30, 0, 5000}, {0, 5000, 0, 30}, {0, 5000, 2500, 7500},
		{0, 0, 0, 5},
	} {
		a, b := members(c[0], c[1]), members(c[2], c[3])
		both := members(min(c[0], c[2]), max(c[1], c[3]))
		other := b.Clone()
		other.Merge(a)
		a.Merge(b)
		if a.Estimate() != both.Estimate() || other.Estimate() != both.Estimate() {
			t.Errorf("%v: %v and %v, want %v", c, a.Estimate(), other.Estimate(), both.Estimate())
		}
	}
}

func TestSetCopies(t *testing.T) {
	for _, n := range []int{10, 1000} {
		s := members(0, n)
		c := s.Clone()
		c.Merge(members(n, 2*n))
		if s.Estimate() != members(0, n).Estimate() || c.Estimate() != members(0, 2*n).Estimate() {
			t.Errorf("%d: a copy shares something", n)
		}
		s.Reset()
		if s.Estimate() != 0 || !s.Exact() {
			t.Errorf("%d: after a reset %v", n, s.Estimate())
		}
	}
	if n := members(0, 5).Size(); n > 128 {
		t.Errorf("five members take %d bytes", n)
	}
	if n := members(0, 100_000).Size(); n > 4096+64 {
		t.Errorf("100,000 members take %d bytes", n)
	}
}

// A set that is built from another one's hashes or registers is equal to it.
func TestSetParts(t *testing.T) {
	for _, n := range []int{0, 1, MaxExact, MaxExact + 1, 5000} {
		s := members(0, n)
		got := members(7_000_000, 7_000_000+n/2) // whose memory is reused
		if s.Exact() {
			if s.Registers() != nil || len(s.Hashes()) != n || !slices.IsSorted(s.Hashes()) {
				t.Fatalf("%d: hashes %d, registers %d", n, len(s.Hashes()), len(s.Registers()))
			}
			got.SetHashes(s.Hashes())
		} else {
			if len(s.Hashes()) != 0 || len(s.Registers()) != Registers || slices.Max(s.Registers()) > MaxRank {
				t.Fatalf("%d: hashes %d, registers %d", n, len(s.Hashes()), len(s.Registers()))
			}
			got.CopyWide(new(Set))
			copy(got.Registers(), s.Registers())
		}
		if !got.Equal(s) || !s.Equal(got) || got.Estimate() != s.Estimate() || got.Size() != s.Size() {
			t.Errorf("%d: %v, want %v", n, got.Estimate(), s.Estimate())
		}
		got.AddBytes([]byte("one more"))
		if n < 5000 && got.Equal(s) {
			t.Errorf("%d: equal with another member", n)
		}
	}
	// CopyWide gives the same registers as adding the members one by one.
	few, wide, want := members(0, 50), new(Set), new(registers)
	want.addAll(few.Hashes())
	wide.CopyWide(few)
	if wide.Exact() || [Registers]uint8(wide.Registers()) != *want || wide.Equal(few) || few.Equal(wide) {
		t.Errorf("%v members in registers", wide.Estimate())
	}
	rarest := new(registers)
	rarest.add(0)
	if rank := slices.Max(rarest[:]); rank != MaxRank {
		t.Errorf("the rarest hash has rank %d", rank)
	}
}

func TestSetCopyFrom(t *testing.T) {
	var c Set
	for _, n := range []int{3000, 5, 0, 64, 65, 2} {
		s := members(n, 2*n)
		c.CopyFrom(s)
		s.AddBytes([]byte("not in the copy"))
		if !c.Equal(members(n, 2*n)) {
			t.Errorf("%d: the copy has %v", n, c.Estimate())
		}
	}
}

// A set of few members that takes up one of many becomes one of many, keeps its own
// members, and leaves the other as it was.
func TestSetMergeWidens(t *testing.T) {
	const many = 4 * MaxExact
	large, few := members(0, many), members(many, many+10)
	before := large.Clone()
	few.Merge(large)
	if few.Exact() {
		t.Error("a set with the registers of another is exact")
	}
	if !few.Equal(members(0, many+10)) {
		t.Errorf("%v members, want about %d", few.Estimate(), many+10)
	}
	if !large.Equal(before) {
		t.Error("the other set has changed")
	}
	// Two exact sets that have too many members together.
	a, b := members(0, MaxExact-1), members(MaxExact-1, MaxExact+1)
	if a.Merge(b); a.Exact() || !a.Equal(members(0, MaxExact+1)) {
		t.Errorf("exact %v, %v members", a.Exact(), a.Estimate())
	}
	// An empty one, and one into an empty one.
	empty := new(Set)
	if empty.Merge(large); !empty.Equal(large) {
		t.Error("an empty set that merged another differs from it")
	}
	if large.Merge(new(Set)); !large.Equal(before) {
		t.Error("merging an empty set changes the other")
	}
}
