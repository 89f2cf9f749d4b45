package frame

import (
	"fmt"
	"math"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// apps gives the world n series of tasks, about two of three with a histogram.
func (w *world) apps(n int) *world {
	w.b.Tables = append(w.b.Tables, Table{Kind: metric.App, Gen: 1})
	for i := range n {
		w.next++
		w.append(
			metric.App,
			&Row{
				ID:     w.next,
				Parent: 1,
				Key:    fmt.Sprintf("request.time.%d", i%9),
				Labels: []Label{{"tag.path", fmt.Sprint("/", i)}, {"type", "ms"}},
			},
		)
	}
	return w
}

func (w *world) histogram() *sketch.Histogram {
	if w.r.IntN(3) == 0 {
		return nil
	}
	h := new(sketch.Histogram)
	for range w.r.IntN(40) {
		w.insert(h)
	}
	return h
}

// insert observes what tasks send: whole weights and others, seldom a zero or a
// negative value or one far away.
func (w *world) insert(h *sketch.Histogram) {
	v, weight := 20*math.Exp(w.r.NormFloat64()), 1.0
	switch w.r.IntN(40) {
	case 0:
		v = 0
	case 1:
		v = -v
	case 2:
		v = math.Ldexp(v, w.r.IntN(1500)-750)
	}
	switch w.r.IntN(8) {
	case 0:
		weight = 10
	case 1:
		weight = 1 / 0.3
	}
	h.Insert(v, weight)
}

// observe moves a series on. Its sum goes into its column, as the collector has
// it, but not always.
func (w *world) observe(t *Table, r int) {
	h := t.Histograms[r]
	if h == nil {
		if w.r.IntN(30) == 0 {
			t.Histograms[r] = new(sketch.Histogram)
		}
		return
	}
	if w.r.IntN(60) == 0 {
		t.Histograms[r] = nil
		return
	}
	for range w.r.IntN(5) {
		w.insert(h)
	}
	if w.r.IntN(50) == 0 { // more than there are buckets for
		for i := range 300 {
			h.Insert(math.Ldexp(1, 3*(i-150)), 1.5)
		}
	}
	if w.r.IntN(4) > 0 {
		t.Row(r)[metric.AppSum] = metric.FromFloat(h.Sum())
	}
}
