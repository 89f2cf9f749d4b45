package prom

import (
	"math"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/sketch"
)

// maxBounds is how many buckets a classic histogram has on each side of zero.
const maxBounds = 64

// octaves are the classic buckets of one family: they end at powers of two,
// where the exponential buckets end too, so that their counts are exact. All
// series of a family have the same bounds, from its least observation to its
// greatest, or sums over series would be wrong. With more than maxBounds powers
// of two only every second is there, or every fourth, and so on.
type octaves struct {
	pos, neg octaveSpan
	zero     bool
	bounds   []float64
	texts    []string
	counts   []float64 // cumulative, of one row
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

// widen makes both ends multiples of a step that leaves few enough powers.
func (s *octaveSpan) widen() {
	s.step = 1
	for (s.top-s.low)/s.step+1 > maxBounds {
		s.step *= 2
	}
	s.low, s.top = floorTo(s.low, s.step), -floorTo(-s.top, s.step)
}

func floorTo(e, step int) int { return int(math.Floor(float64(e)/float64(step))) * step }

// octaveOf is the exponent of the least power of two that is not below bucket i.
func octaveOf(i int32) int { return int((i + (1 << sketch.Scale) - 1) >> sketch.Scale) }

// innerOctaveOf is the exponent of the greatest power of two that is not above
// bucket i.
func innerOctaveOf(i int32) int { return int((i - 1) >> sketch.Scale) }

func (o *octaves) reset() {
	*o = octaves{bounds: o.bounds[:0], texts: o.texts[:0], counts: o.counts[:0]}
}

// span widens the bounds to hold a histogram.
func (o *octaves) span(h *sketch.Histogram) {
	o.zero = o.zero || h.Zero() > 0
	for b := h.Positive(); b.Next(); {
		o.pos.add(octaveOf(b.Index))
	}
	for b := h.Negative(); b.Next(); {
		o.neg.add(innerOctaveOf(b.Index))
	}
}

// choose makes the bounds of what has been spanned.
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

// power is 2 to the e, as near as a float64 comes.
func power(e int) float64 {
	return min(max(math.Ldexp(1, e), math.SmallestNonzeroFloat64), math.MaxFloat64)
}

// count fills counts for one histogram.
func (o *octaves) count(h *sketch.Histogram) {
	clear(o.counts)
	at := 0
	if o.neg.any {
		for b := h.Negative(); b.Next(); {
			// The bucket lies wholly below the bound if its end nearest zero does.
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
		o.counts[i] = min(sum, h.Count()) // weights that are not whole add up with errors
	}
}

// text is a bound as a label; OpenMetrics wants a point in it.
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
