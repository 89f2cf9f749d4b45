package sketch

import "math"

// Quantile is the value of which a part q, from 0 to 1, of all observations is
// not above: with n observations in order, the one at q·(n-1), rounded down. It
// is off by 0.55% at most. NaN if there is no observation or q is out of range.
func (h *Histogram) Quantile(q float64) float64 {
	if !(h.count > 0 && q >= 0 && q <= 1) {
		return math.NaN()
	}
	rank := max(0, q*(h.count-1))
	var seen float64
	last := math.NaN()
	if h.neg != nil {
		for p := len(h.neg.dir) - 1; p >= 0; p-- {
			slot := h.neg.dir[p]
			for o := pageSize - 1; o >= 0 && slot > 0; o-- {
				n := h.neg.pages[slot-1][o]
				if n == 0 {
					continue
				}
				last = -middle((h.neg.first+int32(p))<<pageBits + int32(o))
				if seen += n; seen > rank {
					return last
				}
			}
		}
	}
	if h.zero > 0 {
		last = 0
		if seen += h.zero; seen > rank {
			return last
		}
	}
	for b := h.Positive(); b.Next(); {
		last = middle(b.Index)
		if seen += b.Count; seen > rank {
			return last
		}
	}
	return last // rounding of weights that are not whole
}

// AtMost is the weight of the buckets that end at or below v: a bucket of a
// classic histogram. Exact where v is the bound of a bucket, as powers of two
// are; else what lies within 1.1% below v may be missing.
func (h *Histogram) AtMost(v float64) float64 {
	var n float64
	if v < 0 {
		for b := h.Negative(); b.Next(); {
			if -UpperBound(b.Index-1) <= v {
				n += b.Count
			}
		}
		return n
	}
	for b := h.Negative(); b.Next(); {
		n += b.Count
	}
	n += h.zero
	for b := h.Positive(); b.Next() && UpperBound(b.Index) <= v; {
		n += b.Count
	}
	return n
}
