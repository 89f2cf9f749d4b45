package frame

import (
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// setSection is the section of the sets of App: 384 + the kind of their table.
const setSection = 384 + uint64(metric.App)

// Flags of a set on the wire.
const (
	setWide = 1 << iota // it has registers
	setAnew             // its base is the empty set
	setNone             // the row no longer has a set
	setBits = iota
)

// SetSets sets the table's sets to copies of from, in memory that the table reuses.
func (t *Table) SetSets(from []*sketch.Set) {
	t.own.sets.used, t.own.wideSets.used = 0, 0
	t.Sets = t.Sets[:0]
	t.addSets(from)
}

func (t *Table) addSets(from []*sketch.Set) {
	for _, s := range from {
		if s != nil {
			c := t.own.set(!s.Exact())
			c.CopyFrom(s)
			s = c
		}
		t.Sets = append(t.Sets, s)
	}
}

// SetBytes returns the memory of the sets that the table owns, in bytes, without those
// that it shares with its keyframe.
func (t *Table) SetBytes() int64 {
	var n int64
	for _, s := range t.own.sets.taken() {
		n += int64(s.Size())
	}
	for _, s := range t.own.wideSets.all { // they never shrink
		n += int64(s.Size())
	}
	return n
}
