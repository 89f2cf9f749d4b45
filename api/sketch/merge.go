package sketch

// Merge adds all observations of o to h.
func (h *Histogram) Merge(o *Histogram) {
	h.count += o.count
	h.sum += o.sum
	h.zero += o.zero
	h.collapsed += o.collapsed + h.pos.merge(&o.pos)
	if o.neg != nil {
		h.collapsed += h.negatives().merge(o.neg)
	}
}

func (b *bins) merge(o *bins) (collapsed float64) {
	for c := o.iterate(); c.Next(); {
		collapsed += b.add(c.Index, c.Count)
	}
	return collapsed
}

// Sub subtracts an earlier state of h, so that the observations since then remain. If
// earlier cannot be a state of h, because h was reset, Sub leaves h unchanged and returns
// false: all observations of h are new.
func (h *Histogram) Sub(earlier *Histogram) bool {
	o := earlier
	if o.count > h.count || o.zero > h.zero || !h.pos.continues(&o.pos) {
		return false
	}
	if o.neg != nil && !h.negatives().continues(o.neg) {
		return false
	}
	h.count -= o.count
	h.sum -= o.sum
	h.zero -= o.zero
	h.collapsed = max(0, h.collapsed-o.collapsed)
	h.pos.sub(&o.pos, true)
	if o.neg != nil {
		h.neg.sub(o.neg, true)
	}
	return true
}

// continues reports whether b can be a later state of o.
func (b *bins) continues(o *bins) bool { return b.sub(o, false) }

// sub reports whether b has at least the counts of o, and, if apply is set, subtracts
// them. If a bucket has too small a count, its observations have collapsed into a higher
// bucket since: the rest is subtracted from there.
func (b *bins) sub(o *bins, apply bool) bool {
	lack := 0.0
	later := b.iterate()
	more := later.Next()
	for earlier := o.iterate(); earlier.Next(); {
		for more && later.Index < earlier.Index {
			lack = later.take(lack, apply)
			more = later.Next()
		}
		lack += earlier.Count
		if more && later.Index == earlier.Index {
			lack = later.take(lack, apply)
			more = later.Next()
		}
	}
	for more && lack > 0 {
		lack = later.take(lack, apply)
		more = later.Next()
	}
	return lack <= 0
}

// take subtracts up to n from the current bucket if apply is set, and returns the part of
// n that exceeds the bucket's count.
func (c *Buckets) take(n float64, apply bool) float64 {
	taken := min(n, c.Count)
	if apply && taken > 0 {
		*c.b.find(c.Index) -= taken
	}
	return n - taken
}
