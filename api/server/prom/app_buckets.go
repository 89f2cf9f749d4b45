package prom

import (
	"math"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/sketch"
)

// maxBounds bounds the buckets of a classic histogram on each side of zero.
const maxBounds = 64

// octaves are the classic buckets of one family. Their bounds are powers of two,
// which are bounds of the exponential buckets too, so their counts are exact. All
// series of a family have the same bounds, from the family's least observation
// to its greatest: else sums over series would be wrong. With more than maxBounds
// powers of two, only every second is a bound, or every fourth, and so on.
type octaves struct {
	pos, neg octaveSpan
	zero     bool
	bounds   []float64
	texts    []string
	counts   []float64 // cumulative, of one series
}

// octaveSpan is a range of powers of two, as exponents.
type octaveSpan struct {
	any      bool
	low, top int
	step     int
}

func (s *octaveSpan) add(e int) {
	if !s.any {
		s.any, s.low, s.top = true, e, e
	}
	s.low, s.top = min(s.low, e), max(s.top, e)
}

// widen chooses the step and rounds both ends outward to multiples of it.
func (s *octaveSpan) widen() {
	s.step = 1
	for (s.top-s.low)/s.step+1 > maxBounds {
		s.step *= 2
	}
	s.low, s.top = floorTo(s.low, s.step), -floorTo(-s.top, s.step)
}

func floorTo(e, step int) int { return int(math.Floor(float64(e)/float64(step))) * step }

// octaveOf returns the exponent of the least power of two that is not below any
// value of bucket i.
func octaveOf(i int32) int { return int((i + (1 << sketch.Scale) - 1) >> sketch.Scale) }

// innerOctaveOf returns the exponent of the greatest power of two that is not above
// any value of bucket i.
func innerOctaveOf(i int32) int { return int((i - 1) >> sketch.Scale) }

func (o *octaves) reset() {
	*o = octaves{bounds: o.bounds[:0], texts: o.texts[:0], counts: o.counts[:0]}
}

// span extends the range of the bounds to a histogram.
func (o *octaves) span(h *sketch.Histogram) {
	o.zero = o.zero || h.Zero() > 0
	for b := h.Positive(); b.Next(); {
		o.pos.add(octaveOf(b.Index))
	}
	for b := h.Negative(); b.Next(); {
		o.neg.add(innerOctaveOf(b.Index))
	}
}

// choose makes the bounds of the range.
func (o *octaves) choose() {
	if o.neg.any {
		o.neg.widen()
		for e := o.neg.top; e >= o.neg.low; e -= o.neg.step {
			o.bounds = append(o.bounds, -power(e))
		}
	}
	if o.neg.any || o.zero {
		o.bounds = append(o.bounds, 0)
	}
	if o.pos.any {
		o.pos.widen()
		for e := o.pos.low; e <= o.pos.top; e += o.pos.step {
			o.bounds = append(o.bounds, power(e))
		}
	}
	for range o.bounds {
		o.counts = append(o.counts, 0)
	}
}

// power returns 2 to the power of e, or the nearest finite float64 that is not 0.
func power(e int) float64 {
	return min(max(math.Ldexp(1, e), math.SmallestNonzeroFloat64), math.MaxFloat64)
}

// count sets counts to those of one histogram.
func (o *octaves) count(h *sketch.Histogram) {
	clear(o.counts)
	at := 0
	if o.neg.any {
		for b := h.Negative(); b.Next(); {
			// The whole bucket is below a bound if its end nearest to zero is.
			e := floorTo(innerOctaveOf(b.Index), o.neg.step)
			o.counts[(o.neg.top-e)/o.neg.step] += b.Count
		}
		at = (o.neg.top-o.neg.low)/o.neg.step + 1
	}
	if o.neg.any || o.zero {
		o.counts[at] += h.Zero()
		at++
	}
	for b := h.Positive(); b.Next(); {
		e := -floorTo(-octaveOf(b.Index), o.pos.step)
		o.counts[at+(e-o.pos.low)/o.pos.step] += b.Count
	}
	sum := 0.0
	for i := range o.counts {
		sum += o.counts[i]
		o.counts[i] = min(sum, h.Count()) // fractional weights do not add up exactly
	}
}

// text returns bound i as a label value. OpenMetrics requires a decimal point.
func (o *octaves) text(i int, f format) string {
	if len(o.texts) == 0 {
		for _, b := range o.bounds {
			s := strconv.FormatFloat(b, 'g', -1, 64)
			if f == openMetricsFormat && !strings.ContainsAny(s, ".e") {
				s += ".0"
			}
			o.texts = append(o.texts, s)
		}
	}
	return o.texts[i]
}
