package testtick

import (
	"math"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// Sent is one series of kind App; tags are name, value pairs.
type Sent struct {
	ID, Parent uint64
	Name, Type string
	Value      float64 // of a counter, gauge or set
	Less       float64 // decrements, 0 for none
	Samples    int64
	Observed   []float64
	Weight     float64 // of each observation, 0 for 1
	Tags       []string
}

// AddSent adds a table of kind App to a tick.
func AddSent(b *frame.Batch, series ...Sent) *frame.Table {
	t := frame.Table{Kind: metric.App, Gen: 1}
	for _, s := range series {
		pairs := []string{"type", s.Type}
		for i := 0; i < len(s.Tags); i += 2 {
			pairs = append(pairs, metric.TagLabel+s.Tags[i], s.Tags[i+1])
		}
		row := AddRow(&t, &frame.Row{ID: s.ID, Parent: s.Parent, Key: s.Name, Labels: Labels(pairs...)})
		row[metric.AppSamples], row[metric.AppUpdated] = s.Samples, Time
		if !metric.IsAppHistogram(s.Type) {
			row[metric.AppValue] = metric.FromFloat(s.Value)
			if s.Less > 0 {
				row[metric.AppDecrements] = metric.FromFloat(s.Less)
			}
			t.Histograms = append(t.Histograms, nil)
			continue
		}
		h := new(sketch.Histogram)
		low, top := math.Inf(1), math.Inf(-1)
		for _, v := range s.Observed {
			h.Insert(v, max(s.Weight, 1))
			low, top = min(low, v), max(top, v)
		}
		row[metric.AppCount], row[metric.AppSum] = metric.FromFloat(h.Count()), metric.FromFloat(h.Sum())
		row[metric.AppMin], row[metric.AppMax] = metric.FromFloat(low), metric.FromFloat(top)
		t.Histograms = append(t.Histograms, h)
	}
	b.Tables = append(b.Tables, t)
	return &b.Tables[len(b.Tables)-1]
}
