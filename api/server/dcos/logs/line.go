package logs

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
)

// lines writes records in one format.
type lines struct {
	format format
	plain  bool // of a task's file: text has no time
	ids    bool // events have an id
	file   string
	agent  string
	cursor []byte // of the entry before, which an event has too
	most   int    // bytes of a line that the client can read; 0 is no bound
	cuts   func() // called for each entry that was cut
}

// append appends a record. A record that is an event of daytwo is shown as an entry that
// says so, since DC/OS' clients know nothing else.
func (l *lines) append(dst []byte, rec entry.Record) []byte {
	e := rec.Entry
	if ev := rec.Event; ev != nil {
		e = &entry.Entry{Cursor: string(l.cursor), Realtime: ev.Time, Monotonic: entry.NoMonotonic, Fields: []entry.Field{
			{Name: "MESSAGE", Value: []byte("-- " + ev.Message + " --")},
			{Name: "PRIORITY", Value: []byte("4")},
			{Name: "SYSLOG_IDENTIFIER", Value: []byte("daytwo")},
			{Name: "DAYTWO_EVENT", Value: []byte(ev.Kind)},
		}}
	}
	switch {
	case e == nil && l.format == events:
		return append(dst, ": ping\n\n"...)
	case e == nil:
		return dst
	}
	l.cursor = append(l.cursor[:0], e.Cursor...)
	from := len(dst)
	if dst = l.one(dst, e); l.most > 0 && len(dst)-from > l.most {
		l.cuts()
		dst = l.one(dst[:from], cut(e))
	}
	return dst
}

// one appends an entry.
func (l *lines) one(dst []byte, e *entry.Entry) []byte {
	switch l.format {
	case jsonLines:
		return append(l.json(dst, e), '\n')
	case events:
		if l.ids && e.Cursor != "" {
			dst = append(append(append(dst, "id: "...), e.Cursor...), '\n')
		}
		return append(l.json(append(dst, "data: "...), e), "\n\n"...)
	}
	if !l.plain {
		dst = time.UnixMicro(e.Realtime).AppendFormat(dst, "2006-01-02 15:04:05: ")
	}
	message, _ := e.Get("MESSAGE")
	return append(append(dst, message...), '\n')
}

// json appends an entry as DC/OS' clients read it: every value is a string. Of a field
// that occurs more than once it has the first value, and bytes that are not UTF-8 are
// replaced.
func (l *lines) json(dst []byte, e *entry.Entry) []byte {
	dst = append(dst, `{"fields":{`...)
	n := 0
	field := func(name string, value []byte) {
		if n++; n > 1 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, []byte(name))
		dst = append(dst, ':')
		dst = appendString(dst, value)
	}
	if len(e.Fields) <= 64 {
		for i := range e.Fields {
			if !seen(e.Fields[:i], e.Fields[i].Name) {
				field(e.Fields[i].Name, e.Fields[i].Value)
			}
		}
	} else { // comparing each with each would take too long
		had := make(map[string]bool, len(e.Fields))
		for i := range e.Fields {
			if !had[e.Fields[i].Name] {
				had[e.Fields[i].Name] = true
				field(e.Fields[i].Name, e.Fields[i].Value)
			}
		}
	}
	// What the collector knows completes what the entry says itself.
	for _, tag := range [...][2]string{{"AGENT_ID", "agent_id"}, {"CONTAINER_ID", "container_id"},
		{"EXECUTOR_ID", "executor_id"}, {"FRAMEWORK_ID", "framework_id"}} {
		value := e.Origin.Tag(tag[1])
		if tag[0] == "AGENT_ID" && value == "" {
			value = l.agent
		}
		if value != "" && !seen(e.Fields, tag[0]) {
			field(tag[0], []byte(value))
		}
	}
	if l.file != "" && !seen(e.Fields, "FILE") {
		field("FILE", []byte(l.file))
	}
	dst = append(dst, `},"cursor":`...)
	dst = appendString(dst, []byte(e.Cursor))
	dst = append(dst, `,"monotonic_timestamp":`...)
	dst = strconv.AppendInt(dst, max(e.Monotonic, 0), 10)
	dst = append(dst, `,"realtime_timestamp":`...)
	dst = strconv.AppendInt(dst, e.Realtime, 10)
	return append(dst, '}')
}

func seen(fields []entry.Field, name string) bool {
	for i := range fields {
		if fields[i].Name == name {
			return true
		}
	}
	return false
}

// appendString appends a JSON string of ASCII characters only: one of DC/OS' clients
// decodes events as Latin-1 and takes U+0085 for the end of a line.
func appendString(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	unit := func(u rune) {
		dst = append(dst, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < ' ' || c == 0x7f:
			unit(rune(c))
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRune(s[i:])
			if r > 0xffff {
				r -= 0x10000
				unit(0xd800 + r>>10)
				unit(0xdc00 + r&0x3ff)
			} else {
				unit(r)
			}
			i += n
			continue
		}
		i++
	}
	return append(dst, '"')
}
