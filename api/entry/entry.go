package entry

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/metric"
)

// NoMonotonic is the Monotonic of an entry whose source has no such clock, as the log
// files of containers have none.
const NoMonotonic = -1

// Entry is one log entry. A reader that returns it may reuse the memory of Cursor, of
// Fields and of their values for the next one: keep a Clone. Field names and origin tags
// stay.
type Entry struct {
	// Cursor is the entry's place in its source. Reading after it, with the same query,
	// continues with the next entry. For an entry of the journal it is journald's own
	// cursor, followed by CursorRest and more where that does not suffice. CursorID returns
	// the part that names the entry.
	Cursor    string
	Realtime  int64    // microseconds since 1970, as the source wrote it
	Monotonic int64    // microseconds since the boot, or NoMonotonic
	Boot      [16]byte // id of the boot; zero if unknown
	Origin    Origin   // what the collector knows of the source; never taken from Fields alone where it can be forged
	// Fields are the entry's own, in the order of the source. A name may occur more than
	// once. The names are those of systemd.journal-fields(7); values are any bytes.
	Fields []Field
}

// Field is one field of an entry.
type Field struct {
	Name  string
	Value []byte
}

// Origin holds the origin tags of an entry, in the order of metric.OriginTags: "" is a tag
// that is unknown.
type Origin [len(metric.OriginTags)]string

// Tag returns the value of an origin tag by its name, "" if it is unknown.
func (o *Origin) Tag(name string) string {
	if i := slices.Index(metric.OriginTags[:], name); i >= 0 {
		return o[i]
	}
	return ""
}

// SetTag sets an origin tag by its name, and reports whether there is one of that name.
func (o *Origin) SetTag(name, value string) bool {
	i := slices.Index(metric.OriginTags[:], name)
	if i >= 0 {
		o[i] = value
	}
	return i >= 0
}

// Get returns the value of the first field with a name, and whether there is one.
func (e *Entry) Get(name string) ([]byte, bool) {
	for i := range e.Fields {
		if e.Fields[i].Name == name {
			return e.Fields[i].Value, true
		}
	}
	return nil, false
}

// Clone returns a copy that shares no memory with e.
func (e *Entry) Clone() *Entry {
	c := *e
	c.Cursor = strings.Clone(e.Cursor)
	c.Fields = make([]Field, len(e.Fields))
	for i, f := range e.Fields {
		c.Fields[i] = Field{f.Name, slices.Clone(f.Value)}
	}
	return &c
}
