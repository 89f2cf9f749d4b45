package sketch

import "math"

// Scale is the resolution of all histograms: base 2^(2^-6) = 1.0109, so that the
// middle of a bucket is within 0.55% of all it holds. It is the schema of
// Prometheus' native histograms and the scale of OpenTelemetry's.
const Scale = 6

// Histogram counts observations in exponential buckets: bucket i holds the
// values in (base^(i-1), base^i], bucket i of the negative range the negated
// ones; zeros are counted apart. Counts are weights, so they need not be whole.
//
// Memory grows with the buckets in use, by pages of 8, up to MaxBuckets in a
// range. Beyond that the buckets nearest zero are collapsed into one (see
// Collapsed). The zero value is an empty histogram. It is not safe for use by
// several goroutines at once.
type Histogram struct {
	count, sum, zero float64
	collapsed        float64
	pos              bins
	neg              *bins // nil until there is a negative value
}

// Insert counts one value with a weight: 1/rate of a sampled one. A value that is not
// finite is ignored, and so is one whose weight is not positive and finite.
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

// Count is the weight of all observations.
func (h *Histogram) Count() float64 { return h.count }

// Sum is the weighted sum of all observations.
func (h *Histogram) Sum() float64 { return h.sum }

// Zero is the weight of the observations of 0.
func (h *Histogram) Zero() float64 { return h.zero }

// Collapsed is the weight that lies in a bucket farther from zero than it
// belongs, because the histogram spans more than MaxBuckets.
func (h *Histogram) Collapsed() float64 { return h.collapsed }

// AddZero counts observations of 0.
func (h *Histogram) AddZero(weight float64) {
	h.count += weight
	h.zero += weight
}

// AddPositive counts observations in bucket i (of MinIndex to MaxIndex) of the
// positive range; the caller adds their sum with AddSum. For decoders.
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

// Reset forgets all observations and keeps the memory.
func (h *Histogram) Reset() {
	h.count, h.sum, h.zero, h.collapsed = 0, 0, 0, 0
	h.pos.reset()
	if h.neg != nil {
		h.neg.reset()
	}
}

// Clone returns a copy that shares nothing, in no more memory than it takes.
func (h *Histogram) Clone() *Histogram {
	c := new(Histogram)
	c.CopyFrom(h)
	return c
}

// CopyFrom makes h equal to o, in its own memory.
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

// Positive iterates over the buckets of the positive range that are not empty,
// by rising index.
func (h *Histogram) Positive() Buckets { return h.pos.iterate() }

// Negative iterates over the buckets of the negative range that are not empty,
// by rising index: from values near zero to those far from it.
func (h *Histogram) Negative() Buckets {
	if h.neg == nil {
		return Buckets{at: -1}
	}
	return h.neg.iterate()
}

// Equal reports whether both hold the same counts and sum.
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

// Size returns the memory that the histogram takes, in bytes, without reserved
// capacity.
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
