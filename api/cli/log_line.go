package cli

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/v1"
)

// logLine formats entries as lines of text.
type logLine struct {
	format   string // short, short-iso, short-precise, with-unit or cat
	terminal bool   // replace what could control a terminal
	color    bool
}

// SGR sequences of priorities: as journalctl has them.
const (
	colorReset = "\x1b[0m"
	colorEvent = "\x1b[2m"
)

func colorOf(priority string) string {
	switch priority {
	case "0", "1", "2", "3":
		return "\x1b[1;31m"
	case "4":
		return "\x1b[1;33m"
	case "5":
		return "\x1b[1m"
	case "7":
		return "\x1b[90m"
	}
	return ""
}

// append appends the line of an entry or an event, and a newline.
func (l *logLine) append(dst []byte, e *v1.LogEntry) []byte {
	if e.Event != "" {
		return l.event(dst, e)
	}
	prefix := l.prefix(e)
	if l.color && prefix != "" {
		dst = append(dst, taskColor(source(e))...)
	}
	dst = append(dst, prefix...)
	start := ""
	if l.color {
		if prefix != "" {
			dst = append(dst, colorReset...)
		}
		start = colorOf(fieldText(e, "PRIORITY"))
	}
	// Further lines of a message stand below its first one, as journalctl has it.
	indent := ""
	if prefix != "" {
		indent = strings.Repeat(" ", utf8.RuneCountInString(prefix))
	}
	for i, line := range strings.Split(fieldText(e, "MESSAGE"), "\n") {
		if i > 0 {
			dst = append(append(dst, '\n'), indent...)
		}
		dst = append(dst, start...)
		if l.terminal {
			line = harmless(line)
		}
		dst = append(dst, line...)
		if start != "" {
			dst = append(dst, colorReset...)
		}
	}
	return append(dst, '\n')
}

// event appends the line of an event, marked as journalctl marks its own lines.
func (l *logLine) event(dst []byte, e *v1.LogEntry) []byte {
	if l.color {
		dst = append(dst, colorEvent...)
	}
	dst = append(append(dst, "-- "...), printable(e.Message)...)
	dst = append(dst, " --"...)
	if l.color {
		dst = append(dst, colorReset...)
	}
	return append(dst, '\n')
}

// prefix returns what stands before the message: time, host, program and process id.
func (l *logLine) prefix(e *v1.LogEntry) string {
	at := time.UnixMicro(e.Realtime).Local()
	var when string
	switch l.format {
	case "short":
		when = at.Format("Jan 02 15:04:05")
	case "short-iso":
		when = at.Format("2006-01-02T15:04:05-07:00")
	case "short-precise":
		when = at.Format("Jan 02 15:04:05.000000")
	case "with-unit":
		when = at.Format("Mon 2006-01-02 15:04:05 MST")
	default:
		return ""
	}
	host := fieldText(e, "_HOSTNAME")
	if host == "" {
		host = e.AgentID[:min(len(e.AgentID), 12)]
	}
	who := source(e)
	if l.format == "with-unit" {
		unit, user := fieldText(e, "_SYSTEMD_UNIT"), fieldText(e, "_SYSTEMD_USER_UNIT")
		switch {
		case unit != "" && user != "":
			who = unit + "/" + user
		case unit != "" || user != "":
			who = unit + user
		}
	}
	pid := fieldText(e, "_PID")
	if pid == "" {
		pid = fieldText(e, "SYSLOG_PID")
	}
	if pid != "" {
		pid = "[" + pid + "]"
	}
	return when + " " + printable(host) + " " + printable(who) + printable(pid) + ": "
}

// source returns the program or the task that wrote an entry.
func source(e *v1.LogEntry) string {
	for _, s := range []string{fieldText(e, "SYSLOG_IDENTIFIER"), e.Tags["task_name"], fieldText(e, "_COMM")} {
		if s != "" {
			return s
		}
	}
	if id := e.Tags["container_id"]; id != "" {
		return id[:min(len(id), 12)]
	}
	return "unknown"
}

// taskColor returns a colour that a name always has.
func taskColor(name string) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	return "\x1b[" + strconv.Itoa(int(31+h.Sum32()%6)) + "m"
}

// fieldText returns the first value of a field as text.
func fieldText(e *v1.LogEntry, name string) string {
	v := e.Fields[name]
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	return string(fieldBytes(v))
}

// fieldBytes returns a value of v1.LogEntry.Fields that is no list.
func fieldBytes(v any) []byte {
	switch v := v.(type) {
	case string:
		return []byte(v)
	case map[string]any:
		s, _ := v["base64"].(string)
		b, err := base64.StdEncoding.DecodeString(s)
		if err == nil {
			return b
		}
	}
	return nil
}

// harmless returns a line without what could control a terminal: control characters
// and bytes that are not UTF-8 are shown as escapes, as cat -v or less show them.
func harmless(s string) string {
	plain := func(r rune) bool { return r == '\t' || r >= ' ' && r < 0x7f || r > 0x9f && unicode.IsPrint(r) }
	ok := utf8.ValidString(s)
	for _, r := range s {
		ok = ok && plain(r)
	}
	if ok {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\r' && i+n == len(s): // the end of a line that was written for Windows
		case r < ' ' || r == 0x7f:
			b.WriteByte('^')
			b.WriteByte(byte(r) ^ 0x40)
		case !plain(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += max(n, 1)
	}
	return b.String()
}
