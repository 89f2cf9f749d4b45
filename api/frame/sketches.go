package frame

import (
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// sketches is where a decoder puts what belongs to the rows of App. What the
// keyframe has is there already.
type sketches struct {
	histograms []*sketch.Histogram
	sets       []*sketch.Set
	rows       []*Row
	sums       []int64 // the sum of row r is sums[r*step]
	step       int
	own        *owned
	want       func(*Row) bool // nil for all
}

// tableSketches reads a section that may belong to t, which may be nil.
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

// decodeSketches reads a section, if it is one of those.
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

// Sketches is the histograms and sets of App in one tick (or part), with their
// rows: what a question for percentiles or members decodes.
type Sketches struct {
	Columns
	Histograms []*sketch.Histogram // of each row; nil for a row that has none or was not asked for
	Sets       []*sketch.Set       // likewise

	own owned
}

// sketchColumns is what the histograms' sums are taken from.
var sketchColumns = []int{metric.AppSum}

// DecodeSketches reads the histograms and sets of those rows that want accepts
// (nil for all) into dst, whose memory it reuses. For a delta, key is the
// keyframe's result with the same want. What is unchanged is shared with it. It
// otherwise behaves like Decode.
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
