package recent

import (
	"math/rand/v2"
	"testing"
)

// The set agrees with a map, in whatever order sequence numbers arrive.
func TestSeen(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var s seen
		have := map[uint64]bool{}
		for range 300 {
			seq := r.Uint64N(150) + 1
			if s.has(seq, 0) != have[seq] {
				t.Fatalf("seed %d: %d", seed, seq)
			}
			if !have[seq] {
				s.add(seq, 0, 1)
				have[seq] = true
			}
			lo, hi, holes := uint64(1<<62), uint64(0), uint64(0)
			for q := range have {
				lo, hi = min(lo, q), max(hi, q)
			}
			for q := lo; q <= hi; q++ {
				if !have[q] {
					holes++
				}
			}
			if s.holes() != holes {
				t.Fatalf("seed %d: %d holes, want %d", seed, s.holes(), holes)
			}
		}
		for i := 1; i < len(s.spans); i++ {
			if s.spans[i].lo <= s.spans[i-1].hi+1 {
				t.Fatalf("seed %d: spans touch: %v", seed, s.spans)
			}
		}
	}
}

func TestSeenIsBounded(t *testing.T) {
	var s seen
	for i := range uint64(3 * maxSpans) {
		s.add(2*i+1, 0, 1)
		s.add(2*i+1_000_000_000, uint16(i%2), 3)
	}
	if len(s.spans) > maxSpans || len(s.partial) > maxPartials {
		t.Fatalf("%d spans, %d incomplete ticks", len(s.spans), len(s.partial))
	}
	if last := uint64(6*maxSpans - 1); !s.has(last, 0) || s.has(last-1, 0) || s.holes() != maxSpans-1 {
		t.Fatalf("the newest are forgotten: %d holes", s.holes())
	}
}

func TestFifo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var q fifo[int]
	next, first := 0, 0
	for range 100_000 {
		if q.len() == 0 || r.IntN(100) < 51 {
			q.push(next)
			next++
			continue
		}
		if *q.front() != first || q.len() != next-first || q.all()[q.len()-1] != next-1 {
			t.Fatalf("%d at the front, want %d", *q.front(), first)
		}
		q.pop()
		first++
	}
	if cap(q.items) > 4*q.len()+1024 {
		t.Fatalf("capacity %d for %d items", cap(q.items), q.len())
	}
}
