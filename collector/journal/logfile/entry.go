package logfile

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
)

// Entry writes the line that Next or Previous went to as an entry with the fields that
// Docker's journald driver writes: MESSAGE, PRIORITY (6 for stdout, 3 for stderr),
// STREAM (STDOUT or STDERR), CONTAINER_PARTIAL_MESSAGE=true for a line that has no end
// or goes on in the next entry, Docker's attributes, then Options.Fields. The cursor is
// not set: see Cursor. The entry is valid until the next call of a method.
func (r *Reader) Entry(e *entry.Entry) {
	l := &r.line
	*e = entry.Entry{Realtime: l.Time / 1000, Monotonic: entry.NoMonotonic, Origin: r.l.o.Origin, Fields: e.Fields[:0]}
	e.Fields = append(
		e.Fields,
		entry.Field{Name: "MESSAGE", Value: l.Text},
		priorities[l.Stream],
		streamFields[l.Stream],
	)
	if l.Cut || l.Open {
		e.Fields = append(e.Fields, partialField)
	}
	if l.Attrs != nil {
		e.Fields = append(e.Fields, r.attrs.of(l.Attrs)...)
	}
	e.Fields = append(e.Fields, r.l.o.Fields...)
}

var (
	priorities   = [streams]entry.Field{{Name: "PRIORITY", Value: []byte("6")}, {Name: "PRIORITY", Value: []byte("3")}}
	streamFields = [streams]entry.Field{
		{Name: "STREAM", Value: []byte("STDOUT")},
		{Name: "STREAM", Value: []byte("STDERR")},
	}
	partialField = entry.Field{Name: "CONTAINER_PARTIAL_MESSAGE", Value: []byte("true")}
)

// attrFields holds the fields of the last attributes: a container's are the same for
// each line.
type attrFields struct {
	raw    string
	fields []entry.Field
}

func (a *attrFields) of(raw []byte) []entry.Field {
	if a.raw == string(raw) {
		return a.fields
	}
	a.raw, a.fields = string(raw), nil
	var attrs map[string]string
	if json.Unmarshal(raw, &attrs) != nil {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(attrs)) {
		if name := fieldName(k); name != "" {
			a.fields = append(a.fields, entry.Field{Name: name, Value: []byte(attrs[k])})
		}
	}
	return a.fields
}

// maxFieldName is the longest name of a field in a journal, in bytes.
const maxFieldName = 64

// fieldName makes the name of a field of the name of a label or variable, as Docker's
// journald driver does; "" if nothing is left of it.
func fieldName(s string) string {
	name := strings.TrimLeft(strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			return c
		}
		return '_'
	}, s), "_")
	return name[:min(len(name), maxFieldName)]
}
