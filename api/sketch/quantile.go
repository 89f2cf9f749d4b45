package sketch

import "math"

// Quantile returns the q-quantile, for q from 0 to 1: of n sorted observations, the one
// with index q·(n-1), rounded down. Its relative error is at most 0.55%. It returns NaN if
// there is no observation or q is out of range.
func (h *Histogram) Quantile(q float64) float64 {
	if !(h.count > 0 && q >= 0 && q <= 1) {
		return math.NaN()
	}
	left := max(0, q*(h.count-1)) // observations to skip
	if h.neg != nil {
		if i, ok := h.neg.fromTop(&left); ok {
			return -middle(i)
		}
	}
	if h.zero > left {
		return 0
	}
	left -= h.zero
	last := int32(math.MinInt32)
	for b := h.Positive(); b.Next(); {
		last = b.Index
		if left -= b.Count; left < 0 {
			break
		}
	}
	switch {
	case last != math.MinInt32: // also if left is not below 0, due to rounding of fractional weights
		return middle(last)
	case h.zero > 0 || h.neg == nil:
		return 0
	}
	return -middle(h.neg.lowest())
}

// fromTop skips observations from the highest index down, and returns the bucket in which
// left becomes negative; false if none does.
func (b *bins) fromTop(left *float64) (int32, bool) {
	for p := len(b.dir) - 1; p >= 0; p-- {
		slot := b.dir[p]
		if slot == 0 {
			continue
		}
		for o := pageSize - 1; o >= 0; o-- {
			n := b.pages[slot-1][o]
			if n == 0 {
				continue
			}
			if *left -= n; *left < 0 {
				return (b.first+int32(p))<<pageBits + int32(o), true
			}
		}
	}
	return 0, false
}

// lowest returns the lowest index of a non-empty bucket.
func (b *bins) lowest() int32 {
	c := b.iterate()
	c.Next()
	return c.Index
}
