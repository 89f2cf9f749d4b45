// Package sketch compares our histograms with the field's.
package sketch

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/DataDog/sketches-go/ddsketch"
	ours "github.com/daytwo/daytwo/api/sketch"
	"github.com/lightstep/go-expohisto/mapping/logarithm"
	"github.com/prometheus/prometheus/model/histogram"
)

// Our buckets are Prometheus' native ones of schema 6, to the last bit.
func TestBoundsArePrometheus(t *testing.T) {
	const first, n = -70_000, 140_000
	h := &histogram.FloatHistogram{
		Schema: ours.Scale, PositiveSpans: []histogram.Span{{Offset: first, Length: n}}, PositiveBuckets: make([]float64, n),
	}
	for i := range h.PositiveBuckets {
		h.PositiveBuckets[i] = 1
	}
	checked := 0
	for it := h.PositiveBucketIterator(); it.Next(); {
		b := it.At()
		if b.Index < -1022<<ours.Scale || b.Index > ours.MaxIndex {
			continue
		}
		checked++
		if up := ours.UpperBound(b.Index); up != b.Upper {
			t.Fatalf("bucket %d ends at %v, Prometheus' at %v", b.Index, up, b.Upper)
		}
		for _, v := range []float64{b.Upper, math.Nextafter(b.Lower, math.Inf(1))} {
			if i := ours.Index(v); i != b.Index {
				t.Fatalf("%v is in bucket %d, in Prometheus' %d", v, i, b.Index)
			}
		}
	}
	if checked < 130_000 {
		t.Fatalf("%d buckets", checked)
	}
}

// OpenTelemetry numbers the same buckets one lower. Its mapping, by logarithms,
// may differ next to a bound.
func TestIndexesAreOpenTelemetrys(t *testing.T) {
	m, err := logarithm.NewMapping(ours.Scale)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 7))
	for range 300_000 {
		v := math.Ldexp(1+r.Float64(), r.IntN(2000)-1000)
		i, theirs := ours.Index(v), m.MapToIndex(v)
		if up := ours.UpperBound(i); theirs != i-1 && math.Abs(v-up) > 1e-12*v && math.Abs(v-ours.UpperBound(i-1)) > 1e-12*v {
			t.Fatalf("%v is in bucket %d, OpenTelemetry's %d", v, i, theirs)
		}
	}
}

func timers(n int) []float64 {
	r := rand.New(rand.NewPCG(1, 2))
	v := make([]float64, n)
	for i := range v {
		v[i] = 20 * math.Exp(r.NormFloat64())
	}
	return v
}

// Quantiles are no farther from the values than DDSketch's of 1%.
func TestQuantilesBesideDDSketch(t *testing.T) {
	values := timers(50_000)
	dd, err := ddsketch.NewDefaultDDSketch(0.01)
	if err != nil {
		t.Fatal(err)
	}
	var h ours.Histogram
	for _, v := range values {
		h.Insert(v, 1)
		if err := dd.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(values)
	var worst, worstDD float64
	for q := 0.0; q <= 1; q += 0.001 {
		want := values[int(q*float64(len(values)-1))]
		theirs, err := dd.GetValueAtQuantile(q)
		if err != nil {
			t.Fatal(err)
		}
		worst = max(worst, math.Abs(h.Quantile(q)-want)/want)
		worstDD = max(worstDD, math.Abs(theirs-want)/want)
	}
	t.Logf("worst quantile: ours off by %.3f%%, DDSketch's by %.3f%%", 100*worst, 100*worstDD)
	if worst > 0.0055 || worst > worstDD {
		t.Errorf("off by %v", worst)
	}
}

func BenchmarkInsertOurs(b *testing.B) {
	values := timers(1 << 14)
	var h ours.Histogram
	i := 0
	for b.Loop() {
		h.Insert(values[i&(1<<14-1)], 1)
		i++
	}
}

func BenchmarkInsertDDSketch(b *testing.B) {
	values := timers(1 << 14)
	dd, err := ddsketch.NewDefaultDDSketch(0.01)
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		if err := dd.Add(values[i&(1<<14-1)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
