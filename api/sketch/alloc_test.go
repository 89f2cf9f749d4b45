//go:build !race

package sketch

import "testing"

func TestAllocatesNothing(t *testing.T) {
	values := latencies(1000)
	var h, o, window Histogram
	var s, small, large Set
	few := members(0, 40)
	hash := uint64(0)
	run := func() {
		for _, v := range values {
			h.Insert(v, 1)
			h.Insert(-v, 1)
		}
		o.Merge(&h)
		window.CopyFrom(&o)
		window.Sub(&h)
		window.Quantile(0.99)
		window.Equal(&h)
		h.Reset()
		for range 100 {
			hash += 0x9e3779b97f4a7c15
			s.Add(hash)
		}
		s.AddBytes([]byte("a member"))
		s.Estimate()
		small.CopyFrom(few)
		small.SetHashes(few.Hashes())
		small.Equal(few)
		large.CopyWide(few)
		large.CopyFrom(&s)
		large.Equal(&s)
	}
	run()
	run()
	if n := testing.AllocsPerRun(20, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
