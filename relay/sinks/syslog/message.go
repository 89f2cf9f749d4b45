package syslog

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// sdID is the name of the structured data. 32473 is the enterprise number for examples
// (RFC 5612): there is none for daytwo.
const sdID = "daytwo@32473"

// appendMessage appends a record as a SYSLOG-MSG (RFC 5424, section 6).
func (s *sender) appendMessage(b []byte, r *sink.Record) []byte {
	facility := s.facility
	if f, err := strconv.Atoi(r.Field("SYSLOG_FACILITY")); err == nil && f >= 0 && f < len(facilities) {
		facility = f
	}
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(8*facility+r.Priority()), 10)
	b = append(b, ">1 "...)
	b = r.Time().AppendFormat(b, sink.TimeFormat)
	b = appendName(b, r.Host(), 255)
	b = appendName(b, r.Identifier(), 48)
	pid := r.Field("SYSLOG_PID")
	if pid == "" {
		pid = r.Field("_PID")
	}
	b = appendName(b, pid, 128)
	b = appendName(b, r.Field("MESSAGE_ID"), 32)
	b = append(b, " ["...)
	b = append(b, sdID...)
	b = appendParam(b, "id", r.ID)
	for _, tag := range metric.OriginTags {
		b = appendParam(b, tag, r.Tag(tag))
	}
	b = appendParam(b, "unit", r.Unit())
	b = appendParam(b, "container", r.Container())
	if r.Event != nil {
		b = appendParam(b, "event", string(r.Event.Kind))
		if r.Event.Count > 0 {
			b = appendParam(b, "count", strconv.FormatUint(r.Event.Count, 10))
		}
	}
	if r.Cut > 0 {
		b = appendParam(b, "cut", strconv.Itoa(r.Cut))
	}
	b = append(b, ']')
	m := r.Text()
	if len(m) == 0 {
		return b
	}
	b = append(b, ' ')
	if s.cfg.BOM && utf8.Valid(m) {
		b = append(b, "\xEF\xBB\xBF"...)
	}
	return append(b, m...)
}

// appendName appends a space and a field of the header: printable ASCII without spaces, of
// bounded length, "-" if it is empty.
func appendName(b []byte, s string, most int) []byte {
	b = append(b, ' ')
	n := 0
	for i := 0; i < len(s) && n < most; i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f {
			c = '_'
		}
		b = append(b, c)
		n++
	}
	if n == 0 {
		return append(b, '-')
	}
	return b
}

// appendParam appends a parameter of structured data, nothing if it is empty. Quotes,
// backslashes and closing brackets are escaped (section 6.3.3).
func appendParam(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ' ')
	b = append(b, name...)
	b = append(b, '=', '"')
	for _, c := range []byte(strings.ToValidUTF8(value, "\uFFFD")) {
		if c == '"' || c == '\\' || c == ']' {
			b = append(b, '\\')
		}
		if c == '\n' {
			c = ' '
		}
		b = append(b, c)
	}
	return append(b, '"')
}
