package rules

import (
	"unsafe"

	"github.com/daytwo/daytwo/api/entry"
)

// defaultPriority is that of an entry without a valid one: info.
const defaultPriority = 6

// Facts are what rules need to know of an entry, found in one pass over its fields. They
// point into the entry.
type Facts struct {
	e        *entry.Entry
	message  int // index of the first MESSAGE, -1 if there is none
	priority int

	unit, subject, userUnit, identifier, comm, containerName, pid, stream []byte
}

// find fills in the facts of an entry.
func (f *Facts) find(e *entry.Entry) {
	*f = Facts{e: e, message: -1, priority: defaultPriority}
	for i := range e.Fields {
		field := &e.Fields[i]
		switch field.Name {
		case "MESSAGE":
			if f.message < 0 {
				f.message = i
			}
		case "PRIORITY":
			if v := field.Value; len(v) == 1 && v[0] >= '0' && v[0] <= '7' {
				f.priority = int(v[0] - '0')
			}
		case "_SYSTEMD_UNIT":
			f.unit = field.Value
		case "UNIT":
			f.subject = field.Value
		case "_SYSTEMD_USER_UNIT":
			f.userUnit = field.Value
		case "SYSLOG_IDENTIFIER":
			f.identifier = field.Value
		case "_COMM":
			f.comm = field.Value
		case "CONTAINER_NAME":
			f.containerName = field.Value
		case "_PID":
			f.pid = field.Value
		case "_STREAM_ID":
			f.stream = field.Value
		}
	}
	if len(f.unit) == 0 {
		f.unit = f.subject
	}
	if len(f.identifier) == 0 {
		f.identifier = f.comm
	}
}

// Message returns the message, nil if there is none.
func (f *Facts) Message() []byte {
	if f.message < 0 {
		return nil
	}
	return f.e.Fields[f.message].Value
}

// appendSource appends what names the source of the entry, for people too: the container,
// else the unit, else the program.
func (f *Facts) appendSource(b []byte) []byte {
	id := f.e.Origin.Tag("container_id")
	switch {
	case id != "":
		return append(b, id...)
	case len(f.userUnit) > 0:
		return append(append(append(b, f.unit...), ' '), f.userUnit...)
	case len(f.unit) > 0:
		return append(b, f.unit...)
	case len(f.identifier) > 0:
		return append(b, f.identifier...)
	}
	return append(b, "unknown"...)
}

// AppendStream appends what tells the lines of one writer from those of others: the
// source, the process and the connection to journald that a line came by. Standard output
// and standard error of a service are two connections; of a container's log file, the
// priority tells them apart.
func (f *Facts) AppendStream(b []byte) []byte {
	b = append(f.appendSource(b), 0)
	if len(f.stream) > 0 {
		return append(b, f.stream...)
	}
	b = append(append(b, f.pid...), 0)
	return append(b, '0'+byte(f.priority))
}

// view returns bytes as text without copying them. It is valid as long as they are.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
