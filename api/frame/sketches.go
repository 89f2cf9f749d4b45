package frame

import (
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// sketches is the destination for the histograms and sets of the rows of kind App. It
// starts with those of the keyframe.
type sketches struct {
	histograms []*sketch.Histogram
	sets       []*sketch.Set
	rows       []*Row
	sums       []int64 // the sum of row r is sums[r*step]
	step       int
	own        *owned
	want       func(*Row) bool // nil for all
}

// tableSketches decodes a section of sketches into t. t is nil if the frame has no table
// of kind App.
func (d *Decoder) tableSketches(kind uint64, payload []byte, t *Table) error {
	if t == nil {
		return d.decodeSketches(kind, payload, nil)
	}
	s := sketches{
		histograms: t.Histograms, sets: t.Sets, rows: t.Rows,
		sums: t.Vals[min(metric.AppSum, len(t.Vals)):], step: t.Width(), own: &t.own,
	}
	err := d.decodeSketches(kind, payload, &s)
	t.Histograms, t.Sets = s.histograms, s.sets
	return err
}

// decodeSketches decodes a section if it is a section of sketches.
func (d *Decoder) decodeSketches(kind uint64, payload []byte, s *sketches) error {
	switch kind {
	case histogramSection, collapsedSection, setSection:
	default:
		return nil // of a later version
	}
	if s == nil || kind <= d.section {
		return corrupt("section %d without a table, or twice", kind)
	}
	d.section = kind
	switch kind {
	case histogramSection:
		s.histograms = pad(s.histograms, len(s.rows))
		return d.decodeHistograms(payload, s)
	case setSection:
		s.sets = pad(s.sets, len(s.rows))
		return d.decodeSets(payload, s)
	}
	return d.decodeCollapsed(payload)
}

// Sketches holds the rows of kind App in one tick (or part of a tick), with their
// histograms and sets. A query for percentiles or distinct members decodes it.
type Sketches struct {
	Columns
	Histograms []*sketch.Histogram // by row; nil for a row that has none or is not wanted
	Sets       []*sketch.Set       // by row; nil for a row that has none or is not wanted

	own owned
}

// sketchColumns is the column that has the histograms' sums.
var sketchColumns = []int{metric.AppSum}

// DecodeSketches decodes the histograms and sets of the rows for which want returns true
// (all if it is nil) into dst, whose memory it reuses. For a delta, key is the keyframe's
// result with the same want; dst shares unchanged sketches with it. Otherwise it behaves
// like Decode.
func (d *Decoder) DecodeSketches(data []byte, key, dst *Sketches, want func(*Row) bool) error {
	dst.Histograms, dst.Sets = dst.Histograms[:0], dst.Sets[:0]
	dst.own.reset()
	var keyCols *Columns
	if key != nil {
		keyCols = &key.Columns
	}
	r, err := d.columnsOf(data, keyCols, &dst.Columns, metric.App, sketchColumns)
	if err != nil || len(dst.Rows) == 0 {
		return err
	}
	s := sketches{rows: dst.Rows, sums: dst.Vals[0], step: 1, own: &dst.own, want: want}
	var keyHistograms []*sketch.Histogram
	var keySets []*sketch.Set
	if key != nil && !dst.Keyframe() {
		keyHistograms, keySets = key.Histograms, key.Sets
	}
	s.histograms = share(dst.Histograms, d.segs, len(dst.Rows), keyHistograms)
	s.sets = share(dst.Sets, d.segs, len(dst.Rows), keySets)
	d.left.histograms, d.left.sets = MaxHistograms, MaxSets
	d.section, d.listed = 0, d.listed[:0]
	for r.left() > 0 && err == nil {
		kind, payload := nextSection(&r)
		if r.bad {
			err = corrupt("section is cut")
			break
		}
		err = d.decodeSketches(kind, payload, &s)
	}
	dst.Histograms, dst.Sets = s.histograms, s.sets
	if err != nil {
		dst.Rows, dst.Histograms, dst.Sets = dst.Rows[:0], dst.Histograms[:0], dst.Sets[:0]
	}
	return err
}
