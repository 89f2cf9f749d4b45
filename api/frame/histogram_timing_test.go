package frame

import (
	"math"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// timing is a node of n timers, each of which has observed 10,000 values so far
// and gets perTick more before each tick; it returns the batch and what goes on.
func timing(n, perTick int) (*Batch, func()) {
	w := newWorld(1, 1).apps(n)
	app := w.table(metric.App)
	for i := range app.Histograms {
		h := new(sketch.Histogram)
		for range 10_000 {
			h.Insert(20*math.Exp(w.r.NormFloat64()), 1)
		}
		app.Histograms[i], app.Sets[i] = h, nil
	}
	return &w.b, func() {
		w.b.Seq++
		w.b.Time += w.b.Interval
		for i, h := range app.Histograms {
			for range perTick {
				h.Insert(20*math.Exp(w.r.NormFloat64()), 1)
			}
			app.Row(i)[metric.AppCount] = metric.FromFloat(h.Count())
			app.Row(i)[metric.AppSum] = metric.FromFloat(h.Sum())
		}
	}
}

// BenchmarkHistograms is a tick of 1,000 busy timers, half way to the next keyframe.
func BenchmarkHistograms(b *testing.B) {
	batch, next := timing(1000, 100)
	enc := NewEncoder(EncoderOptions{KeyEvery: 1 << 40, MaxPayload: 64 << 20})
	next()
	first := encode(b, enc, batch)[0]
	for range 30 {
		next()
	}
	last := encode(b, enc, batch)[0]
	var key, dst Batch
	dec := NewDecoder()
	if err := dec.Decode(first, nil, &key); err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			batch.Seq++
			if _, err := enc.Encode(batch); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(last))/1000, "B/timer")
		b.ReportMetric(float64(len(first))/1000, "B/timer-key")
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := dec.Decode(last, &key, &dst); err != nil {
				b.Fatal(err)
			}
		}
	})
	var keyOne, one Sketches
	want := func(r *Row) bool { return r.ID < 20 }
	if err := dec.DecodeSketches(first, nil, &keyOne, want); err != nil {
		b.Fatal(err)
	}
	b.Run("decode some", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := dec.DecodeSketches(last, &keyOne, &one, want); err != nil {
				b.Fatal(err)
			}
		}
	})
}
