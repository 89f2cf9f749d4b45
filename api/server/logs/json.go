package logs

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/metric"
)

// jsonEncoder appends records as v1.LogEntry, one a line.
type jsonEncoder struct {
	repeats repeats
}

func (j *jsonEncoder) entry(dst []byte, e *entry.Entry) []byte {
	return append(j.object(dst, e), '\n')
}

func (j *jsonEncoder) object(dst []byte, e *entry.Entry) []byte {
	dst = append(dst, '{')
	dst = appendTags(dst, &e.Origin)
	if e.Cursor != "" {
		dst = append(appendString(append(dst, `"cursor":`...), e.Cursor), ',')
	}
	dst = strconv.AppendInt(append(dst, `"realtime_timestamp":`...), e.Realtime, 10)
	if e.Monotonic != entry.NoMonotonic {
		dst = strconv.AppendInt(append(dst, `,"monotonic_timestamp":`...), e.Monotonic, 10)
	}
	if e.Boot != [16]byte{} {
		dst = append(appendHex(append(dst, `,"boot_id":"`...), &e.Boot), '"')
	}
	if len(e.Fields) > 0 {
		dst = append(j.fields(append(dst, `,"fields":{`...), e), '}')
	}
	return append(dst, '}')
}

// fields appends the fields in the order of the entry; one that occurs more than once
// has a list at its first place.
func (j *jsonEncoder) fields(dst []byte, e *entry.Entry) []byte {
	j.repeats.find(e.Fields)
	first := true
	for i := range e.Fields {
		if j.repeats.later(i) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendString(dst, e.Fields[i].Name), ':')
		next := j.repeats.next(i)
		if next == 0 {
			dst = appendValue(dst, e.Fields[i].Value)
			continue
		}
		dst = appendValue(append(dst, '['), e.Fields[i].Value)
		for ; next > 0; next = j.repeats.next(next) {
			dst = appendValue(append(dst, ','), e.Fields[next].Value)
		}
		dst = append(dst, ']')
	}
	return dst
}

// event appends an event.
func (j *jsonEncoder) event(dst []byte, e *entry.Event) []byte {
	return append(appendEvent(dst, e), '\n')
}

func appendEvent(dst []byte, e *entry.Event) []byte {
	dst = append(dst, '{')
	if e.Agent != "" {
		dst = append(appendString(append(dst, `"agent_id":`...), e.Agent), ',')
	}
	dst = strconv.AppendInt(append(dst, `"realtime_timestamp":`...), e.Time, 10)
	dst = appendString(append(dst, `,"event":`...), string(e.Kind))
	if e.Source != "" {
		dst = appendString(append(dst, `,"source":`...), e.Source)
	}
	if e.Count > 0 {
		dst = strconv.AppendUint(append(dst, `,"count":`...), e.Count, 10)
	}
	dst = appendString(append(dst, `,"message":`...), e.Message)
	return append(dst, '}')
}

// appendTags appends agent_id and tags, with a comma after each.
func appendTags(dst []byte, o *entry.Origin) []byte {
	if o[0] != "" { // agent_id
		dst = append(appendString(append(dst, `"agent_id":`...), o[0]), ',')
	}
	begun := false
	for i := 1; i < len(o); i++ {
		if o[i] == "" {
			continue
		}
		if begun {
			dst = append(dst, ',')
		} else {
			dst = append(dst, `"tags":{`...)
		}
		begun = true
		dst = append(append(append(dst, '"'), metric.OriginTags[i]...), `":`...)
		dst = appendString(dst, o[i])
	}
	if begun {
		dst = append(dst, `},`...)
	}
	return dst
}

// appendValue appends a string, or {"base64": …} if the value is not valid UTF-8.
func appendValue(dst, v []byte) []byte {
	if utf8.Valid(v) {
		return appendString(dst, v)
	}
	dst = append(dst, `{"base64":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, v), `"}`...)
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string. What is not valid UTF-8 becomes U+FFFD.
func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := decodeRune(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

// decodeRune decodes the first character without allocating.
func decodeRune[T string | []byte](s T) (rune, int) {
	var b [utf8.UTFMax]byte
	n := copy(b[:], s)
	return utf8.DecodeRune(b[:n])
}

func appendHex(dst []byte, id *[16]byte) []byte {
	for _, c := range id {
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}
