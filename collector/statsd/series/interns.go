package series

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// interns shares strings and label sets that many series have in common. Its maps are
// bounded: a full map is replaced by an empty one, and series keep what they share
// already. Store.mu guards it.
type interns struct {
	strings map[string]string
	sets    map[uint64][]frame.Label
	buf     []byte
	rows    []frame.Row
}

const (
	maxStrings = 16384
	maxSets    = 8192
	rowsAtOnce = 9 // in 512 bytes; few, so that one long-lived row does not hold much memory
)

func (n *interns) row() *frame.Row {
	if len(n.rows) == 0 {
		n.rows = make([]frame.Row, rowsAtOnce)
	}
	r := &n.rows[0]
	n.rows = n.rows[1:]
	return r
}

// text returns b as a string, which is shared with earlier calls for the same bytes.
func (n *interns) text(b []byte) string {
	if s, ok := n.strings[string(b)]; ok {
		return s
	}
	if n.strings == nil || len(n.strings) >= maxStrings {
		n.strings = make(map[string]string)
	}
	s := string(b)
	n.strings[s] = s
	return s
}

// labels returns the labels of a series, shared with other series of the same tags and
// type.
func (n *interns) labels(f *form, typ byte) []frame.Label {
	name := f.name
	f.name = nil
	key := f.hash(typ)
	f.name = name
	if ls, ok := n.sets[key]; ok {
		return ls
	}
	ls := make([]frame.Label, 0, len(f.tags)+1)
	var list []byte
	for i, t := range f.tags {
		if !f.plain(i) {
			list = metric.AppendTag(list, string(t.text))
			continue
		}
		n.buf = append(append(n.buf[:0], metric.TagLabel...), t.name...)
		ls = append(ls, frame.Label{Name: n.text(n.buf), Value: n.text(t.value)})
	}
	if len(list) > 0 {
		ls = append(ls, frame.Label{Name: metric.TagsLabel, Value: n.text(list)})
	}
	ls = append(ls, frame.Label{Name: "type", Value: typeName(typ)}) // sorts after all the other names
	if n.sets == nil || len(n.sets) >= maxSets {
		n.sets = make(map[uint64][]frame.Label)
	}
	n.sets[key] = ls
	return ls
}

func typeName(typ byte) string {
	switch typ {
	case 'c':
		return metric.AppTypeCounter
	case 'g':
		return metric.AppTypeGauge
	case 'm':
		return metric.AppTypeTimer
	case 'h':
		return metric.AppTypeHistogram
	case 'd':
		return metric.AppTypeDistribution
	case typeCheck:
		return metric.AppTypeCheck
	}
	return metric.AppTypeSet
}
