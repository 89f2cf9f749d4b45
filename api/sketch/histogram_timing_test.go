package sketch

import (
	"math"
	"math/rand/v2"
	"testing"
)

// latencies returns log-normal values like those of a timer, with a median of 20 ms.
func latencies(n int) []float64 {
	r := rand.New(rand.NewPCG(1, 2))
	v := make([]float64, n)
	for i := range v {
		v[i] = 20 * math.Exp(r.NormFloat64())
	}
	return v
}

func BenchmarkInsert(b *testing.B) {
	values := latencies(1 << 14)
	var h Histogram
	i := 0
	for b.Loop() {
		h.Insert(values[i&(1<<14-1)], 1)
		i++
	}
}

func BenchmarkMerge(b *testing.B) {
	var h, o Histogram
	for _, v := range latencies(1 << 14) {
		o.Insert(v, 1)
	}
	for b.Loop() {
		h.Merge(&o)
	}
}

func BenchmarkQuantile(b *testing.B) {
	var h Histogram
	for _, v := range latencies(1 << 14) {
		h.Insert(v, 1)
	}
	for b.Loop() {
		h.Quantile(0.99)
	}
}

func BenchmarkSetAdd(b *testing.B) {
	var s Set
	i := uint64(0)
	for b.Loop() {
		s.Add(i * 0x9e3779b97f4a7c15)
		i++
	}
}
