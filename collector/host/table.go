package host

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// maxRows bounds the rows of one table.
const maxRows = 16384

// entry is one disk, interface, CPU or mount that has a row, from tick to tick.
type entry struct {
	name  string // as the kernel prints it: may hold any bytes
	row   *frame.Row
	last  []int64 // last value of each counter
	seen  uint64  // last tick that had the row
	pos   int     // index of the row in that tick
	link  *link   // of an interface, else nil
	mount *mount  // of a filesystem, else nil
}

// table holds the rows and values of one kind, from tick to tick.
type table struct {
	t       frame.Table
	width   int
	counter []bool  // which columns are counters
	slack   []int64 // how far a column's counter may fall without counting as reset
	labels  func(name string) []frame.Label
	gone    func(*entry) // called for an entry whose row is gone; may be nil

	byName  map[string]*entry
	list    []*entry // rows of the previous tick
	next    []*entry // rows of this tick
	tick    uint64   // number of this tick
	lastID  uint64
	changed bool // a row has been made in this tick
	full    bool // rows are missing in this tick, because there were more than maxRows
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

// begin begins a tick without any rows.
func (t *table) begin() {
	t.tick++
	t.next = t.next[:0]
	t.t.Vals = t.t.Vals[:0]
	t.changed, t.full = false, false
}

// add adds the row of name to this tick, with all values absent. It returns nil if name
// already has a row in this tick, or if the table is full. Another add may move the
// values in memory, so they are to be accessed through vals.
func (t *table) add(name []byte) *entry {
	if len(t.next) == maxRows {
		t.full = true
		return nil
	}
	var e *entry
	if i := len(t.next); i < len(t.list) && t.list[i].name == string(name) {
		e = t.list[i] // the usual case: the order is that of the previous tick
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

// vals returns the values of an entry's row in this tick. They are valid until the next
// add.
func (t *table) vals(e *entry) []int64 {
	return t.t.Vals[e.pos*t.width : (e.pos+1)*t.width]
}

// renew gives an entry a new row, whose counters have no earlier values.
func (t *table) renew(e *entry) {
	t.lastID++
	e.row = &frame.Row{ID: t.lastID, Key: valid(e.name), Labels: t.labels(e.name)}
	for c := range e.last {
		e.last[c] = metric.Absent
	}
	t.changed = true
}

// end ends the tick and returns its table. A counter that has fallen by no more than
// its slack keeps its last value; a row with a counter that was reset becomes a new
// row.
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

// settle compares the counters of a row with their last values.
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
			continue // if it is read again later, it is still the same counter
		case v < e.last[c]:
			vals[c] = e.last[c]
			continue
		}
		e.last[c] = v
	}
}

// valid returns s with each byte that is not valid UTF-8 replaced by the text \xNN.
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
