package frame

import (
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// histogramSection is the section of the histograms of App: 128 + the kind of
// their table.
const histogramSection = 128 + uint64(metric.App)

// collapsedSection is the section of the histograms' collapsed weights (see
// sketch.Histogram.Collapsed): 256 + the kind of their table.
const collapsedSection = 256 + uint64(metric.App)

// Flags of a histogram on the wire.
const (
	histogramSum  = 1 << iota // its sum is not the value of column AppSum
	histogramMore             // its zeros or negative values differ from those of its base
	histogramNone             // the row no longer has a histogram
	histogramBits = iota
)

// whole is the bound of differences of counts that are encoded as whole numbers.
const whole = 1 << 53

// sameSum reports whether the value of column AppSum is the histogram's sum.
func sameSum(column int64, sum float64) bool {
	return column != metric.Absent && column == metric.FromFloat(sum)
}

// SetHistograms sets the table's histograms to copies of from, in memory that the table
// reuses.
func (t *Table) SetHistograms(from []*sketch.Histogram) {
	t.own.histograms.used = 0
	t.Histograms = t.Histograms[:0]
	t.addHistograms(from)
}

func (t *Table) addHistograms(from []*sketch.Histogram) {
	for _, h := range from {
		if h != nil {
			c := t.own.histograms.get()
			c.CopyFrom(h)
			h = c
		}
		t.Histograms = append(t.Histograms, h)
	}
}

// HistogramBytes returns the memory of the histograms that the table owns, in bytes,
// without those that it shares with its keyframe.
func (t *Table) HistogramBytes() int64 {
	var n int64
	for _, h := range t.own.histograms.taken() {
		n += int64(h.Size())
	}
	return n
}
