package sketch

import "math"

// Scale is the resolution of all histograms: the base is 2^(2^-6) = 1.0109, so that the
// middle of a bucket differs by at most 0.55% from the values in it. Prometheus' native
// histograms call it the schema, OpenTelemetry's exponential histograms the scale.
const Scale = 6

// Histogram counts observations in exponential buckets: bucket i of the positive range
// counts the values in (base^(i-1), base^i], bucket i of the negative range their
// negatives. Zeros are counted separately. Counts are sums of weights, and need not be
// whole numbers.
//
// The memory grows with the number of buckets in use, by pages of 8, up to MaxBuckets per
// range. Beyond that, the buckets closest to zero are collapsed into one (see Collapsed).
// The zero value is an empty histogram. A Histogram is not safe for concurrent use.
type Histogram struct {
	count, sum, zero float64
	collapsed        float64
	pos              bins
	neg              *bins // nil until a negative value is inserted
}

// Insert counts one value with a weight, which is 1/rate for a sampled value. It ignores
// values that are not finite, and weights that are not positive and finite.
func (h *Histogram) Insert(v, weight float64) {
	if !(weight > 0 && weight <= math.MaxFloat64) {
		return
	}
	bits := math.Float64bits(v)
	abs := bits &^ signBit
	if abs-1 >= infinity-1 { // zero, infinite or NaN
		if abs == 0 {
			h.AddZero(weight)
		}
		return
	}
	h.count += weight
	h.sum += v * weight
	b := &h.pos
	if bits != abs {
		b = h.negatives()
	}
	i := index(abs)
	if n := b.find(i); n != nil {
		*n += weight
		return
	}
	h.collapsed += b.add(i, weight)
}

// Count returns the weight of all observations.
func (h *Histogram) Count() float64 { return h.count }

// Sum returns the weighted sum of all observations.
func (h *Histogram) Sum() float64 { return h.sum }

// Zero returns the weight of the observations of 0.
func (h *Histogram) Zero() float64 { return h.zero }

// Collapsed returns the weight that is counted in a bucket too far from zero, because the
// histogram spans more than MaxBuckets.
func (h *Histogram) Collapsed() float64 { return h.collapsed }

// AddZero counts observations of 0.
func (h *Histogram) AddZero(weight float64) {
	h.count += weight
	h.zero += weight
}

// AddPositive counts observations in bucket i (MinIndex to MaxIndex) of the positive
// range. The caller adds their sum with AddSum. For decoders.
func (h *Histogram) AddPositive(i int32, weight float64) {
	h.count += weight
	h.collapsed += h.pos.add(i, weight)
}

// AddNegative is AddPositive for the negative range.
func (h *Histogram) AddNegative(i int32, weight float64) {
	h.count += weight
	h.collapsed += h.negatives().add(i, weight)
}

// AddSum adds to the sum of all observations. For decoders.
func (h *Histogram) AddSum(sum float64) { h.sum += sum }

// SetCollapsed sets what Collapsed returns. For decoders.
func (h *Histogram) SetCollapsed(weight float64) { h.collapsed = weight }

// Reset removes all observations, and keeps the memory for reuse.
func (h *Histogram) Reset() {
	h.count, h.sum, h.zero, h.collapsed = 0, 0, 0, 0
	h.pos.reset()
	if h.neg != nil {
		h.neg.reset()
	}
}

// Clone returns a copy that shares no memory with h, and has no spare capacity.
func (h *Histogram) Clone() *Histogram {
	c := new(Histogram)
	c.CopyFrom(h)
	return c
}

// CopyFrom makes h equal to o. It reuses the memory of h, and shares none with o.
func (h *Histogram) CopyFrom(o *Histogram) {
	h.count, h.sum, h.zero, h.collapsed = o.count, o.sum, o.zero, o.collapsed
	h.pos.copyFrom(&o.pos)
	switch {
	case o.neg != nil:
		h.negatives().copyFrom(o.neg)
	case h.neg != nil:
		h.neg.reset()
	}
}

// Positive iterates over the non-empty buckets of the positive range, by ascending index.
func (h *Histogram) Positive() Buckets { return h.pos.iterate() }

// Negative iterates over the non-empty buckets of the negative range, by ascending index:
// from values close to zero to those far from it.
func (h *Histogram) Negative() Buckets {
	if h.neg == nil {
		return Buckets{at: -1}
	}
	return h.neg.iterate()
}

// Equal reports whether h and o have the same counts and the same sum.
func (h *Histogram) Equal(o *Histogram) bool {
	if h.sum != o.sum || h.zero != o.zero || !h.pos.equal(&o.pos) {
		return false
	}
	switch {
	case h.neg != nil && o.neg != nil:
		return h.neg.equal(o.neg)
	case h.neg != nil:
		return h.neg.equal(new(bins))
	case o.neg != nil:
		return o.neg.equal(new(bins))
	}
	return true
}

// Size returns the memory of the histogram in bytes, without spare capacity.
func (h *Histogram) Size() int {
	n := histogramSize + h.pos.size()
	if h.neg != nil {
		n += binsSize + h.neg.size()
	}
	return n
}

func (h *Histogram) negatives() *bins {
	if h.neg == nil {
		h.neg = new(bins)
	}
	return h.neg
}
