package host

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// maxRows bounds the rows of one kind.
const maxRows = 16384

// entry is one disk, interface, CPU or mount for as long as its row lives.
type entry struct {
	name  string // raw, as the kernel has it
	row   *frame.Row
	last  []int64 // values of the tick before
	seen  uint64  // tick
	pos   int     // row of this tick
	link  *link   // of an interface
	mount *mount  // of a filesystem
}

// table keeps the rows of one kind from tick to tick.
type table struct {
	t       frame.Table
	width   int
	counter []bool
	slack   []int64 // by how much a counter may seem to step back: it is held instead
	labels  func(name string) []frame.Label
	gone    func(*entry)

	byName  map[string]*entry
	list    []*entry // rows of the tick before
	next    []*entry // rows of this tick
	tick    uint64
	lastID  uint64
	changed bool
	full    bool
}

func newTable(k metric.Kind, labels func(string) []frame.Label) *table {
	cols := metric.Columns(k)
	t := &table{
		t: frame.Table{Kind: k}, width: len(cols), labels: labels,
		counter: make([]bool, len(cols)), slack: make([]int64, len(cols)),
		byName: map[string]*entry{},
	}
	for c := range cols {
		t.counter[c] = cols[c].Type == metric.Counter
	}
	return t
}

func (t *table) begin() {
	t.tick++
	t.next = t.next[:0]
	t.t.Vals = t.t.Vals[:0]
	t.changed, t.full = false, false
}

// add starts the row of name in this tick, all Absent. It is nil for a name
// that has one already, or when the table is full. The values move with the
// next add: they are reached through vals.
func (t *table) add(name []byte) *entry {
	if len(t.next) == maxRows {
		t.full = true
		return nil
	}
	var e *entry
	if i := len(t.next); i < len(t.list) && t.list[i].name == string(name) {
		e = t.list[i] // the usual case: as the tick before
	} else if e = t.byName[string(name)]; e == nil {
		e = &entry{name: string(name), last: make([]int64, t.width)}
		t.byName[e.name] = e
		t.renew(e)
	}
	if e.seen == t.tick {
		return nil
	}
	e.seen, e.pos = t.tick, len(t.next)
	t.next = append(t.next, e)
	for range t.width {
		t.t.Vals = append(t.t.Vals, metric.Absent)
	}
	return e
}

func (t *table) vals(e *entry) []int64 {
	return t.t.Vals[e.pos*t.width : (e.pos+1)*t.width]
}

// renew gives an entry a new identity: nothing before it counts.
func (t *table) renew(e *entry) {
	t.lastID++
	e.row = &frame.Row{ID: t.lastID, Key: valid(e.name), Labels: t.labels(e.name)}
	for c := range e.last {
		e.last[c] = metric.Absent
	}
	t.changed = true
}

// end settles all rows: a counter that stepped back a little is held, one that
// was reset makes a new row.
func (t *table) end() *frame.Table {
	for _, e := range t.next {
		t.settle(e)
	}
	if t.changed || !slices.Equal(t.next, t.list) {
		t.t.Gen++
		rows := make([]*frame.Row, len(t.next))
		for i, e := range t.next {
			rows[i] = e.row
		}
		t.t.Rows = rows
		for name, e := range t.byName {
			if e.seen != t.tick {
				delete(t.byName, name)
				if t.gone != nil {
					t.gone(e)
				}
			}
		}
	}
	t.list, t.next = t.next, t.list
	return &t.t
}

func (t *table) settle(e *entry) {
	vals := t.vals(e)
	for c, v := range vals {
		if t.counter[c] && v != metric.Absent && v < e.last[c] && e.last[c]-v > t.slack[c] {
			t.renew(e)
			break
		}
	}
	for c, v := range vals {
		switch {
		case !t.counter[c]:
		case v == metric.Absent:
			continue // read again later, it is still the same counter
		case v < e.last[c]:
			vals[c] = e.last[c]
			continue
		}
		e.last[c] = v
	}
}

// valid is s as UTF-8: bytes that are not are shown as \xNN.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

func deviceLabel(name string) []frame.Label {
	return []frame.Label{{Name: "device", Value: valid(name)}}
}

func cpuLabel(name string) []frame.Label {
	return []frame.Label{{Name: "cpu", Value: valid(name)}}
}
