package sink

import (
	"encoding/base64"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/metric"
)

// TimeFormat is RFC 3339 with microseconds, in UTC.
const TimeFormat = "2006-01-02T15:04:05.000000Z07:00"

// Encoder appends records as JSON. It keeps memory between calls, and is used by one
// goroutine.
type Encoder struct {
	// Version adds "@version":"1", by which Logstash knows its own format.
	Version bool
	order   []int // indexes of the fields, by name
}

// Append appends a record as one JSON object, without a line break:
//
//	@timestamp, message, id, level, priority, host, agent_id, …   the record's own
//	container_id, task_name, …                                   origin tags that are known
//	unit, identifier, container                                  if there is one
//	cursor, fields                                               of an entry
//	event, source, count                                         of an event
//	cut                                                          bytes of the value that was cut
//
// A field that occurs several times is a list. A value that is not UTF-8 is text with
// U+FFFD for what is not, and once more, whole, under its name and "_base64".
func (e *Encoder) Append(dst []byte, r *Record) []byte {
	dst = append(dst, `{"@timestamp":"`...)
	dst = r.Time().AppendFormat(dst, TimeFormat)
	dst = append(dst, '"')
	if e.Version {
		dst = append(dst, `,"@version":"1"`...)
	}
	if r.Entry == nil {
		dst = text(append(dst, `,"message":`...), r.Event.Message)
	} else {
		e.sort(r)
		dst = append(dst, ',')
		dst = e.field(dst, r, "message", "MESSAGE")
	}
	dst = member(dst, "id", r.ID)
	dst = append(dst, `,"priority":`...)
	dst = strconv.AppendInt(dst, int64(r.Priority()), 10)
	dst = member(dst, "level", r.Level())
	dst = member(dst, "host", r.Host())
	for _, tag := range metric.OriginTags {
		dst = member(dst, tag, r.Tag(tag))
	}
	dst = member(dst, "unit", r.Unit())
	dst = member(dst, "identifier", r.Identifier())
	dst = member(dst, "container", r.Container())
	if r.Cut > 0 {
		dst = strconv.AppendInt(append(dst, `,"cut":`...), int64(r.Cut), 10)
	}
	if ev := r.Event; ev != nil {
		dst = member(dst, "event", string(ev.Kind))
		dst = member(dst, "source", ev.Source)
		if ev.Count > 0 {
			dst = strconv.AppendUint(append(dst, `,"count":`...), ev.Count, 10)
		}
		return append(dst, '}')
	}
	dst = member(dst, "cursor", entry.CursorID(r.Entry.Cursor))
	return append(e.fields(append(dst, `,"fields":`...), r), '}')
}

// AppendFields appends the fields of an entry as one JSON object, without MESSAGE.
func (e *Encoder) AppendFields(dst []byte, r *Record) []byte {
	if r.Entry == nil {
		return append(dst, "{}"...)
	}
	e.sort(r)
	return e.fields(dst, r)
}

func (e *Encoder) fields(dst []byte, r *Record) []byte {
	dst = append(dst, '{')
	first := true
	for i := 0; i < len(e.order); {
		name := r.Entry.Fields[e.order[i]].Name
		end := i + 1
		for end < len(e.order) && r.Entry.Fields[e.order[end]].Name == name {
			end++
		}
		if name != "MESSAGE" {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = values(dst, r, name, e.order[i:end])
		}
		i = end
	}
	return append(dst, '}')
}

// sort lists the fields of an entry by name; those of one name stay in their order.
func (e *Encoder) sort(r *Record) {
	f := r.Entry.Fields
	e.order = e.order[:0]
	for i := range f {
		e.order = append(e.order, i)
	}
	slices.SortFunc(e.order, func(a, b int) int {
		switch {
		case f[a].Name < f[b].Name:
			return -1
		case f[a].Name > f[b].Name:
			return 1
		}
		return a - b
	})
}

// field appends all values of a field under another name: "" if it has none.
func (e *Encoder) field(dst []byte, r *Record, as, name string) []byte {
	from := slices.IndexFunc(e.order, func(i int) bool { return r.Entry.Fields[i].Name == name })
	if from < 0 {
		return append(text(dst, as), `:""`...)
	}
	end := from + 1
	for end < len(e.order) && r.Entry.Fields[e.order[end]].Name == name {
		end++
	}
	return values(dst, r, as, e.order[from:end])
}

// values appends a member with the values of the fields with the given indexes.
func values(dst []byte, r *Record, name string, indexes []int) []byte {
	f := r.Entry.Fields
	valid := true
	for _, i := range indexes {
		valid = valid && utf8.Valid(f[i].Value)
	}
	dst = append(text(dst, name), ':')
	dst = list(dst, indexes, func(dst []byte, i int) []byte { return text(dst, f[i].Value) })
	if valid {
		return dst
	}
	dst = append(dst, ',')
	dst = text(dst, name)
	dst = append(dst[:len(dst)-1], `_base64":`...)
	return list(dst, indexes, func(dst []byte, i int) []byte {
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), f[i].Value)
		return append(dst, '"')
	})
}

// list appends one value, or several as an array.
func list(dst []byte, indexes []int, one func(dst []byte, i int) []byte) []byte {
	if len(indexes) == 1 {
		return one(dst, indexes[0])
	}
	dst = append(dst, '[')
	for n, i := range indexes {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = one(dst, i)
	}
	return append(dst, ']')
}

// member appends a comma and a member, or nothing if the value is empty.
func member(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	return text(dst, value)
}

const hexDigits = "0123456789abcdef"

// text appends a JSON string (RFC 8259, section 7); bytes that are not UTF-8 become U+FFFD.
func text[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	plain := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			rune, size := decode(s[i:])
			if rune != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			dst = append(append(dst, s[plain:i]...), "\uFFFD"...)
		} else {
			dst = append(append(dst, s[plain:i]...), '\\')
			switch c {
			case '"', '\\':
				dst = append(dst, c)
			case '\n':
				dst = append(dst, 'n')
			case '\r':
				dst = append(dst, 'r')
			case '\t':
				dst = append(dst, 't')
			default:
				dst = append(dst, 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		i++
		plain = i
	}
	return append(append(dst, s[plain:]...), '"')
}

// decode decodes the first character of s.
func decode[T string | []byte](s T) (rune, int) {
	var b [utf8.UTFMax]byte
	return utf8.DecodeRune(b[:copy(b[:], s)])
}

// AppendText appends a JSON string; bytes that are not UTF-8 become U+FFFD.
func AppendText(dst []byte, s string) []byte { return text(dst, s) }

// AppendSeconds appends a time as seconds since 1970, with microseconds.
func AppendSeconds(dst []byte, t time.Time) []byte {
	us := t.UnixMicro()
	dst = strconv.AppendInt(dst, us/1e6, 10)
	dst = append(dst, '.')
	frac := strconv.AppendInt(nil, 1e6+us%1e6, 10)
	return append(dst, frac[1:]...)
}
