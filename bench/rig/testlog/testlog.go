package testlog

import (
	"fmt"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Agent is the node of all records.
const Agent = "node-1"

// start is the time of the first entries. Loki takes nothing that is much older.
var start = time.Now().Add(-time.Minute).Truncate(time.Second)

// Entry returns entry number i, a millisecond after the one before, with further fields
// "NAME=VALUE".
func Entry(i int, message string, fields ...string) *entry.Entry {
	e := &entry.Entry{
		Cursor: fmt.Sprintf("s=c0ffee;i=%x", i), Realtime: start.Add(time.Duration(i) * time.Millisecond).UnixMicro(),
		Fields: []entry.Field{
			{Name: "MESSAGE", Value: []byte(message)}, {Name: "PRIORITY", Value: []byte("6")},
			{Name: "_HOSTNAME", Value: []byte("host-1")}, {Name: "_SYSTEMD_UNIT", Value: []byte("web.service")},
			{Name: "SYSLOG_IDENTIFIER", Value: []byte("web")}, {Name: "_PID", Value: []byte("42")},
		},
	}
	e.Origin.SetTag("task_name", "web-1")
	e.Origin.SetTag("container_id", "0123456789ab")
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		e.Fields = append(e.Fields, entry.Field{Name: name, Value: []byte(value)})
	}
	return e
}

// Record returns Entry as a record.
func Record(i int, message string, fields ...string) *sink.Record {
	return sink.New(Agent, entry.Record{Entry: Entry(i, message, fields...)})
}

// Records returns n records "line 0", "line 1", … numbered from first on.
func Records(first, n int) []*sink.Record {
	all := make([]*sink.Record, n)
	for i := range all {
		all[i] = Record(first+i, fmt.Sprint("line ", first+i))
	}
	return all
}

// Event returns an event that says that 5 entries are missing.
func Event() *sink.Record {
	return sink.New(Agent, entry.Record{Event: &entry.Event{
		Kind: entry.Suppressed, Time: start.UnixMicro(), Agent: Agent, Source: "web.service", Count: 5,
		Message: "journald dropped 5 entries of web.service",
	}})
}

// Odd returns records of which others have lost some, or a whole batch with them: control
// characters, bytes that are not UTF-8, repeated fields, blank and long messages.
func Odd() []*sink.Record {
	var all []*sink.Record
	for i, m := range []string{
		"ends in a carriage return\r", "escape \x1b[2J and bell \a", "inner \x00 null", "bytes \xff\xfe, no text",
		"", "   ", "\x00", "two\nlines", "ümlaut 😀", `quote " and \ backslash ]`,
		strings.Repeat("x", 5000), strings.Repeat("ä", 48<<9), strings.Repeat("y", 64<<10+1),
	} {
		all = append(all, Record(1000+i, m))
	}
	return append(all,
		Record(1100, "two tags", "TAG=one", "TAG=two"), Record(1101, "first message", "MESSAGE=second message"),
		Record(1102, "long name", strings.Repeat("N", 65)+"=v"), Event())
}
