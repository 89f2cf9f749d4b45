package logs

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
)

// goLine is how many bytes a line, or an event with its id, may have for DC/OS' command line
// written in Go. It stops at a longer line without a word, and asks for a longer event again
// and again.
const goLine = 64<<10 - 1

// Bytes of what is left of an entry that is longer, as JSON.
const (
	cutMessage = 40 << 10
	cutValue   = 1 << 10
)

// goFields are the fields that this client shows.
var goFields = []string{"MESSAGE", "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "_BOOT_ID", "_CAP_EFFECTIVE",
	"_CMDLINE", "_COMM", "_EXE", "_GID", "_HOSTNAME", "_MACHINE_ID", "_PID", "_SELINUX_CONTEXT", "_STREAM_ID",
	"_SYSTEMD_CGROUP", "_SYSTEMD_SLICE", "_SYSTEMD_UNIT", "_TRANSPORT", "_UID"}

// longest returns the most bytes of a line that the sender of a request can read; 0 is no
// bound. The client that has one asks for JSON under its own name, and for events without
// any User-Agent, which no other client does.
func longest(r *http.Request, f format) int {
	if f == jsonLines && strings.HasPrefix(r.UserAgent(), "dcos-cli/") || f == events && r.UserAgent() == "" {
		return goLine
	}
	return 0
}

// cut returns an entry that fits into goLine: the beginning of its message, which says so, and
// those fields that the client shows.
func cut(e *entry.Entry) *entry.Entry {
	c := *e
	c.Fields = nil
	for i := range e.Fields {
		f := e.Fields[i]
		if !slices.Contains(goFields, f.Name) || seen(c.Fields, f.Name) {
			continue
		}
		if f.Name != "MESSAGE" {
			f.Value = fitting(f.Value, cutValue)
		} else if kept := fitting(f.Value, cutMessage); len(kept) < len(f.Value) {
			c.Fields = append(c.Fields, entry.Field{Name: "DAYTWO_CUT", Value: strconv.AppendInt(nil, int64(len(f.Value)), 10)})
			f.Value = fmt.Appendf(slices.Clone(kept), " [cut: %d more bytes, which this client cannot read]",
				len(f.Value)-len(kept))
		}
		c.Fields = append(c.Fields, f)
	}
	return &c
}

// fitting returns the beginning of a value that has at most so many bytes as JSON.
func fitting(v []byte, most int) []byte {
	n := 0
	var b []byte
	for n < len(v) {
		_, size := utf8.DecodeRune(v[n:])
		if b = appendString(b[:0], v[n:n+size]); most < len(b)-2 {
			break
		}
		most -= len(b) - 2
		n += size
	}
	return v[:n]
}
