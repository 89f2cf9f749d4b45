package frame

import (
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// histogramSection is the section of the histograms of App: 128 + the kind of
// their table.
const histogramSection = 128 + uint64(metric.App)

// Flags of a histogram on the wire.
const (
	histogramSum  = 1 << iota // its sum is not the value of column AppSum
	histogramMore             // it has other zeros or negative values than its base
	histogramNone             // the row has none any more
	histogramBits = iota
)

// whole is the largest difference of counts that is written as a whole number.
const whole = 1 << 53

// sameSum tells whether the value of column AppSum is the histogram's sum.
func sameSum(column int64, sum float64) bool {
	return column != metric.Absent && column == metric.FromFloat(sum)
}

// pool is the histograms that a table or an answer owns, to be filled again.
type pool struct {
	all  []*sketch.Histogram
	used int
}

// get returns an empty histogram.
func (p *pool) get() *sketch.Histogram {
	if p.used == len(p.all) {
		p.all = append(p.all, new(sketch.Histogram))
	}
	h := p.all[p.used]
	p.used++
	h.Reset()
	return h
}

// SetHistograms makes the table's histograms copies of those given, in memory
// that the table keeps.
func (t *Table) SetHistograms(from []*sketch.Histogram) {
	t.own.used = 0
	t.Histograms = t.Histograms[:0]
	t.addHistograms(from)
}

func (t *Table) addHistograms(from []*sketch.Histogram) {
	for _, h := range from {
		if h != nil {
			c := t.own.get()
			c.CopyFrom(h)
			h = c
		}
		t.Histograms = append(t.Histograms, h)
	}
}

// padHistograms says of the rows without an entry that they have no histogram.
func (t *Table) padHistograms() {
	for len(t.Histograms) < len(t.Rows) {
		t.Histograms = append(t.Histograms, nil)
	}
}

// HistogramBytes is the memory of the histograms that the table owns. Those that
// it shares with its keyframe are not among them.
func (t *Table) HistogramBytes() int64 {
	var n int64
	for _, h := range t.own.all[:t.own.used] {
		n += int64(h.Size())
	}
	return n
}
