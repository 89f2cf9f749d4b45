package frame

import (
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// Label is a name and a value; both are valid UTF-8 and the name is not empty.
type Label struct{ Name, Value string }

// Row is the identity of one entity. It is immutable once a Table holds it: an
// entity whose labels change gets a new Row with a new ID.
type Row struct {
	ID     uint64  // unique within its kind for one run of the collector, never 0
	Parent uint64  // ID of the Container row to which it belongs and whose labels it inherits; else 0
	Key    string  // name of the entity within its kind: cgroup path, disk, interface; "" if the kind has one row
	Labels []Label // sorted by name, no empty values
}

// Label returns the value of a label, "" if the row does not have it.
func (r *Row) Label(name string) string {
	for i := range r.Labels {
		if r.Labels[i].Name == name {
			return r.Labels[i].Value
		}
	}
	return ""
}

// Table is all rows of one kind. Values are stored row by row:
// Vals[i*Width()+c] is column c (see package metric) of Rows[i], in the
// column's unit, or metric.Absent.
type Table struct {
	Kind metric.Kind
	Gen  uint64 // changes when Rows differs (in members, order or identity) from the previous tick; 0 if unknown
	Rows []*Row
	Vals []int64

	// Histograms is empty, or, for kind App, has one entry per row: the observations
	// since the row began; nil for a row that is not a histogram.
	Histograms []*sketch.Histogram

	// Sets is empty, or, for kind App, has one entry per row: the members of a minute
	// (see metric.AppValue); nil for a row that is not a set. Unlike a histogram, a set
	// can also shrink.
	Sets []*sketch.Set

	own owned // memory for histograms and sets
}

// Width returns the number of values in a row.
func (t *Table) Width() int { return metric.Width(t.Kind) }

// Row returns the values of row i, which are not copied.
func (t *Table) Row(i int) []int64 {
	w := t.Width()
	return t.Vals[i*w : (i+1)*w : (i+1)*w]
}

// Header identifies the agent and the tick of a frame.
type Header struct {
	Agent    string // agent id
	Boot     uint64 // random, another at every start of the collector
	Seq      uint64 // number of the tick in this run, from 1
	Key      uint64 // Seq of the keyframe that this frame is a delta against; Seq itself for a keyframe
	Time     int64  // of the tick, Unix nanoseconds; a multiple of Interval, except for a collector's last tick
	Interval int64  // nanoseconds
	Part     uint16 // number of the part of the tick, from 0
	Parts    uint16 // number of parts of the tick, at least 1
	Events   bool   // the part has rows of kind Event; set by Encode
}

// Keyframe reports whether the frame can be decoded without another one.
func (h *Header) Keyframe() bool { return h.Key == h.Seq }

// Batch is one tick in memory. Tables holds at most one Table of each kind, in
// the order of Kind.
type Batch struct {
	Header
	Tables []Table
}

// Table returns the table of a kind, nil if the batch has none.
func (b *Batch) Table(k metric.Kind) *Table {
	for i := range b.Tables {
		if b.Tables[i].Kind == k {
			return &b.Tables[i]
		}
	}
	return nil
}
