package sketch

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// observation is a value and its weight.
type observation struct{ v, weight float64 }

// exact is a histogram that keeps everything.
type exact []observation

func (e exact) sorted() []float64 {
	var all []float64
	for _, o := range e {
		for range int(o.weight) {
			all = append(all, o.v)
		}
	}
	slices.Sort(all)
	return all
}

func build(e exact) *Histogram {
	h := new(Histogram)
	for _, o := range e {
		h.Insert(o.v, o.weight)
	}
	return h
}

// near reports whether a quantile is within 0.55% of the exact value.
func near(got, want float64) bool {
	return got == want || math.Abs(got-want) <= 0.0055*math.Abs(want)
}

// sample draws from one of several shapes, negative values and zeros among them.
func sample(r *rand.Rand, shape int) observation {
	weight := 1.0
	if r.IntN(4) == 0 {
		weight = float64(1 + r.IntN(20))
	}
	var v float64
	switch shape % 6 {
	case 0:
		v = 20 * math.Exp(r.NormFloat64())
	case 1:
		v = r.Float64() * 1e-6
	case 2:
		v = float64(r.IntN(50))
	case 3:
		v = r.NormFloat64() * 1000
	case 4:
		v = math.Pow(1-r.Float64(), -1/1.1) // Pareto: a heavy tail
	default:
		v = math.Ldexp(1+r.Float64(), r.IntN(30)-15)
		if r.IntN(3) == 0 {
			v = -v
		}
	}
	return observation{v, weight}
}

func samples(seed uint64, shape, n int) exact {
	r := rand.New(rand.NewPCG(seed, uint64(shape)))
	var e exact
	for range n {
		e = append(e, sample(r, shape))
	}
	return e
}

func checkQuantiles(t *testing.T, h *Histogram, e exact) {
	t.Helper()
	all := e.sorted()
	if h.Count() != float64(len(all)) {
		t.Fatalf("count %v, want %d", h.Count(), len(all))
	}
	for i := range 101 {
		q := float64(i) / 100
		want := all[int(q*float64(len(all)-1))]
		if got := h.Quantile(q); !near(got, want) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestQuantile(t *testing.T) {
	for shape := range 6 {
		for seed, n := range []int{1, 2, 10, 1000, 20000} {
			e := samples(uint64(seed), shape, n)
			checkQuantiles(t, build(e), e)
		}
	}
	var h Histogram
	if !math.IsNaN(h.Quantile(0.5)) {
		t.Error("a quantile of nothing")
	}
	h.Insert(3, 1)
	if !math.IsNaN(h.Quantile(-0.1)) || !math.IsNaN(h.Quantile(1.1)) || !math.IsNaN(h.Quantile(math.NaN())) {
		t.Error("a quantile out of range")
	}
	h.Insert(math.MaxFloat64, 1)
	h.Insert(-math.MaxFloat64, 1)
	h.Insert(math.SmallestNonzeroFloat64, 1)
	if v := h.Quantile(1); !near(v, math.MaxFloat64) || !near(h.Quantile(0), -math.MaxFloat64) {
		t.Errorf("ends at %v and %v", h.Quantile(0), v)
	}
}

// A value's bucket has a lower bound below it and an upper bound not below it.
func TestIndex(t *testing.T) {
	check := func(v float64) {
		t.Helper()
		i := Index(v)
		if up, low := UpperBound(i), UpperBound(i-1); v > up || v <= low || i < MinIndex || i > MaxIndex {
			t.Errorf("%v is in bucket %d: (%v, %v]", v, i, low, up)
		}
	}
	for e := -1021; e < 1024; e++ {
		for k := range int32(octave) {
			b := UpperBound(int32(e)*octave + k)
			check(b)
			check(math.Nextafter(b, 0))
			check(math.Nextafter(b, math.Inf(1)))
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 200_000 {
		v := math.Float64frombits(r.Uint64() &^ signBit)
		if v > 0 && v >= 0x1p-1022 && !math.IsInf(v, 0) {
			check(v)
		}
	}
	for v, want := range map[float64]int32{
		1: 0, 2: 64, 0.5: -64, math.Nextafter(1, 2): 1, math.SmallestNonzeroFloat64: MinIndex,
		math.MaxFloat64: MaxIndex, 0x1p-1023: -1023 * 64,
	} {
		if i := Index(v); i != want {
			t.Errorf("%v is in bucket %d, want %d", v, i, want)
		}
	}
	// The bounds are 2^(k/64), with Prometheus' precision.
	for k := range int32(octave) {
		if b, want := UpperBound(k), math.Exp2(float64(k)/octave); math.Abs(b-want) > 1e-15 {
			t.Errorf("bound %d is %v, want %v", k, b, want)
		}
	}
}

// Values that are not finite, and weights that are not positive and finite, are ignored.
func TestInsertIgnores(t *testing.T) {
	var h Histogram
	for _, o := range []observation{
		{math.NaN(), 1}, {math.Inf(1), 1}, {math.Inf(-1), 1}, {1, 0}, {1, -1}, {1, math.NaN()}, {1, math.Inf(1)}, {0, -1},
	} {
		h.Insert(o.v, o.weight)
	}
	if !h.Equal(new(Histogram)) || h.Count() != 0 || h.Sum() != 0 {
		t.Errorf("%+v", h)
	}
	h.Insert(math.Copysign(0, -1), 2)
	if h.Zero() != 2 || h.Count() != 2 {
		t.Errorf("-0: %+v", h)
	}
}

// Merging histograms in any order gives the histogram of all observations.
func TestMerge(t *testing.T) {
	for shape := range 6 {
		var all exact
		parts := make([]*Histogram, 7)
		for i := range parts {
			e := samples(uint64(i), shape, 200*i)
			all = append(all, e...)
			parts[i] = build(e)
		}
		a, b := new(Histogram), new(Histogram)
		for i := range parts {
			a.Merge(parts[i])
			b.Merge(parts[len(parts)-1-i])
		}
		whole := build(all)
		whole.sum, b.sum = a.sum, a.sum // sums depend on the order in their last digits
		if !a.Equal(whole) || !b.Equal(whole) || a.Count() != whole.Count() {
			t.Errorf("shape %d: merged histograms differ from that of all values", shape)
		}
		checkQuantiles(t, a, all)
	}
}

// Sub gives the histogram of the observations between two states.
func TestSub(t *testing.T) {
	for shape := range 6 {
		early, late := samples(1, shape, 500), samples(2, shape, 700)
		h := build(early)
		before := h.Clone()
		for _, o := range late {
			h.Insert(o.v, o.weight)
		}
		window := h.Clone()
		if !window.Sub(before) {
			t.Fatalf("shape %d: not a later state of itself", shape)
		}
		want := build(late)
		want.sum = window.sum
		if !window.Equal(want) || window.Count() != want.Count() {
			t.Errorf("shape %d: the window differs", shape)
		}
		checkQuantiles(t, window, late)
		window.Merge(before)
		window.sum = h.sum
		if !window.Equal(h) {
			t.Errorf("shape %d: window and earlier state are not the later one", shape)
		}
		again := h.Clone()
		if !again.Sub(h) || again.Count() != 0 ||
			again.Positive().b.pages != nil && func() bool { p := again.Positive(); return p.Next() }() {
			t.Errorf("shape %d: a difference to itself", shape)
		}
	}
	// After a reset all observations are new, even if a bucket has a greater count.
	before, h := build(exact{{5, 10}, {7, 1}}), build(exact{{5, 30}})
	if h.Sub(before) || h.Count() != 30 {
		t.Errorf("after a reset: %+v", h)
	}
	before, h = build(exact{{-5, 1}}), build(exact{{5, 30}})
	if h.Sub(before) || h.Count() != 30 {
		t.Errorf("after a reset without negative values: %+v", h)
	}
}

// With more than MaxBuckets the lowest buckets collapse, which is counted, and the upper
// quantiles do not change.
func TestCollapse(t *testing.T) {
	up, down, mixed := new(Histogram), new(Histogram), new(Histogram)
	var all exact
	r := rand.New(rand.NewPCG(1, 9))
	for i := range 4000 {
		all = append(all, observation{UpperBound(int32(i)*8 - 16000), 1})
	}
	for i := range all {
		up.Insert(all[i].v, 1)
		down.Insert(all[len(all)-1-i].v, 1)
	}
	for _, i := range r.Perm(len(all)) {
		mixed.Insert(all[i].v, 1)
	}
	for name, h := range map[string]*Histogram{"up": up, "down": down, "mixed": mixed} {
		if h.Count() != 4000 || len(h.pos.pages) != maxPages || h.Size() > 64<<10 {
			t.Errorf("%s: count %v, %d pages, %d bytes", name, h.Count(), len(h.pos.pages), h.Size())
		}
		if h.Collapsed() < 4000-maxPages {
			t.Errorf("%s: %v collapsed", name, h.Collapsed())
		}
		for _, q := range []float64{0.95, 0.99, 1} {
			if got, want := h.Quantile(q), all.sorted()[int(q*3999)]; !near(got, want) {
				t.Errorf("%s: quantile %v is %v, want %v", name, q, got, want)
			}
		}
		n := 0.0
		for b := h.Positive(); b.Next(); {
			n += b.Count
		}
		if n != 4000 {
			t.Errorf("%s: buckets hold %v", name, n)
		}
	}
	// Sub also works if buckets have collapsed since the earlier state.
	h := new(Histogram)
	for _, o := range all[:300] {
		h.Insert(o.v, 1)
	}
	before := h.Clone()
	for _, o := range all[300:] {
		h.Insert(o.v, 1)
	}
	if !h.Sub(before) || h.Count() != 3700 || h.Quantile(1) != build(all).Quantile(1) {
		t.Errorf("after a collapse: count %v", h.Count())
	}
}

func TestCopies(t *testing.T) {
	e := samples(3, 5, 300)
	h := build(e)
	c := h.Clone()
	var into Histogram
	into.Insert(-9, 1)
	into.Insert(1e9, 1)
	into.CopyFrom(h)
	if !c.Equal(h) || !into.Equal(h) || c.Count() != h.Count() || into.Sum() != h.Sum() {
		t.Fatal("a copy differs")
	}
	c.Insert(3, 1)
	if c.Equal(h) || !into.Equal(h) {
		t.Fatal("a copy shares something")
	}
	c.Reset()
	if !c.Equal(new(Histogram)) || c.Count() != 0 || c.Collapsed() != 0 {
		t.Fatal("something is left")
	}
	if p, n := c.Positive(), c.Negative(); p.Next() || n.Next() {
		t.Fatal("a bucket is left")
	}
	for _, o := range e {
		c.Insert(o.v, o.weight)
	}
	if !c.Equal(h) {
		t.Fatal("after a reset it counts otherwise")
	}
	// The same counts with pages in another order, or with empty pages.
	d := build(append(slices.Clone(e), observation{1e7, 1}))
	d.Sub(build(exact{{1e7, 1}}))
	d.sum = h.sum
	if !d.Equal(h) || !h.Equal(d) {
		t.Fatal("empty pages make a difference")
	}
}

// A series with few values is small: a million of them must fit in memory.
func TestSize(t *testing.T) {
	var h Histogram
	for range 100 {
		h.Insert(20, 1)
	}
	if h.Size() > 250 {
		t.Errorf("one bucket takes %d bytes", h.Size())
	}
	h.Insert(21, 1)
	h.Insert(300, 1)
	if h.Size() > 450 {
		t.Errorf("three values take %d bytes", h.Size())
	}
	if s := build(samples(1, 0, 10000)).Size(); s > 8<<10 {
		t.Errorf("a timer of three octaves takes %d bytes", s)
	}
}

// FuzzHistogram inserts arbitrary values, and checks the invariants.
func FuzzHistogram(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\xf0\x3f12345678abcdefgh"), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		var h, first Histogram
		n := 0.0
		for i := 0; i+8 <= len(b); i += 8 {
			if i/8 == int(cut) {
				first.CopyFrom(&h)
			}
			v := math.Float64frombits(uint64(b[i]) | uint64(b[i+1])<<8 | uint64(b[i+2])<<16 | uint64(b[i+3])<<24 |
				uint64(b[i+4])<<32 | uint64(b[i+5])<<40 | uint64(b[i+6])<<48 | uint64(b[i+7])<<56)
			h.Insert(v, 1)
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				n++
			}
		}
		sum := h.Zero()
		last := int32(math.MinInt32)
		for b := h.Positive(); b.Next(); last = b.Index {
			if sum += b.Count; b.Index <= last {
				t.Fatal("buckets are not in order")
			}
		}
		for b := h.Negative(); b.Next(); {
			sum += b.Count
		}
		if h.Count() != n || sum != n {
			t.Fatalf("count %v, buckets %v, want %v", h.Count(), sum, n)
		}
		window := h.Clone()
		if !window.Sub(&first) || window.Count() != n-first.Count() {
			t.Fatal("not a later state of itself")
		}
		for q := 0.0; q < 1; q += 0.25 {
			if n > 0 && h.Quantile(q) > h.Quantile(q+0.25) {
				t.Fatal("quantiles fall")
			}
		}
	})
}
