package logs

import (
	"time"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
)

// textFields are the fields that text shows.
var textFields = []string{
	"MESSAGE", "_HOSTNAME", "SYSLOG_IDENTIFIER", "_COMM", "_PID", "SYSLOG_PID",
}

// textEncoder appends records as journalctl -o short does: time, host, name and process
// of the sender, message. Where the entries are of several containers, the task or
// container follows the host. Events are lines that begin with "-- ".
type textEncoder struct {
	several  bool
	location *time.Location
	second   int64 // of stamp, since 1970
	stamp    []byte
}

func newTextEncoder(several bool) *textEncoder {
	return &textEncoder{several: several, location: time.Local}
}

func (t *textEncoder) entry(dst []byte, e *entry.Entry) []byte {
	var message, host, name, comm, pid, syslogPID []byte
	for i := range e.Fields {
		switch f := &e.Fields[i]; f.Name {
		case "MESSAGE":
			message = f.Value
		case "_HOSTNAME":
			host = f.Value
		case "SYSLOG_IDENTIFIER":
			name = f.Value
		case "_COMM":
			comm = f.Value
		case "_PID":
			pid = f.Value
		case "SYSLOG_PID":
			syslogPID = f.Value
		}
	}
	from := len(dst)
	dst = t.time(dst, e.Realtime)
	dst = append(dst, ' ')
	if host != nil {
		dst = appendEscaped(dst, host, 0)
	} else {
		dst = appendEscaped(dst, e.Origin[0], 0) // agent_id
	}
	if t.several {
		dst = appendSource(dst, &e.Origin)
	}
	if name == nil {
		name = comm
	}
	if pid == nil {
		pid = syslogPID
	}
	dst = append(dst, ' ')
	if name != nil {
		dst = appendEscaped(dst, name, 0)
	} else {
		dst = append(dst, "unknown"...)
	}
	if pid != nil {
		dst = append(appendEscaped(append(dst, '['), pid, 0), ']')
	}
	dst = append(dst, ": "...)
	return append(appendEscaped(dst, message, len(dst)-from), '\n')
}

// appendSource appends the task, else the container, of an entry.
func appendSource(dst []byte, o *entry.Origin) []byte {
	const containerID, taskID, taskName = 1, 6, 7 // of metric.OriginTags
	switch {
	case o[taskName] != "":
		return appendEscaped(append(dst, '/'), o[taskName], 0)
	case o[taskID] != "":
		return appendEscaped(append(dst, '/'), o[taskID], 0)
	case o[containerID] != "":
		return appendEscaped(append(dst, '/'), o[containerID][:min(12, len(o[containerID]))], 0)
	}
	return dst
}

func (t *textEncoder) event(dst []byte, e *entry.Event) []byte {
	dst = t.time(append(dst, "-- "...), e.Time)
	dst = append(append(append(dst, ' '), e.Kind...), ": "...)
	if e.Agent != "" {
		dst = append(appendEscaped(dst, e.Agent, 0), ": "...)
	}
	return append(appendEscaped(dst, e.Message, 0), " --\n"...)
}

// time appends a time with seconds, as "Nov 28 15:09:01".
func (t *textEncoder) time(dst []byte, micros int64) []byte {
	if s := micros / 1e6; s != t.second || len(t.stamp) == 0 {
		t.second, t.stamp = s, time.Unix(s, 0).In(t.location).AppendFormat(t.stamp[:0], "Jan 02 15:04:05")
	}
	return append(dst, t.stamp...)
}

// appendEscaped appends text that does nothing to a terminal: control characters but tab,
// and bytes that are not UTF-8, become \x1b and the like. Lines after the first one are
// indented; with an indent of 0 a newline is a control character.
func appendEscaped[T string | []byte](dst []byte, s T, indent int) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f || c == '\t' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := decodeRune(s[i:])
			if (r != utf8.RuneError || n > 1) && (r < 0x80 || r > 0x9f) {
				i += n
				continue
			}
		}
		dst = append(dst, s[from:i]...)
		if c == '\n' && indent > 0 {
			dst = append(dst, '\n')
			for range indent {
				dst = append(dst, ' ')
			}
		} else {
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(dst, s[from:]...)
}
