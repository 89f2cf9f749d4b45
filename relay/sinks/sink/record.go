package sink

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
	"unsafe"

	"github.com/daytwo/daytwo/api/entry"
)

// Record is one log entry, or one event that says what is missing. A sink must not change
// it: it may be delivered again.
type Record struct {
	// ID is the same each time that the record is delivered, and different for every other
	// record: 32 hexadecimal digits. A receiver recognises duplicates by it.
	ID    string
	Agent string       // id of the node
	Entry *entry.Entry // nil for an event
	Event *entry.Event // nil for an entry
	Size  int          // approximate size of its content in bytes

	// Cut is the size in bytes that the message had before it was cut to what the receiver
	// takes; 0 if it is whole.
	Cut int
}

// overhead is what a record takes besides its fields, in bytes: time, ids and names.
const overhead = 256

// New returns the record of an entry or an event of an agent.
func New(agent string, r entry.Record) *Record {
	rec := &Record{Agent: agent, Entry: r.Entry, Event: r.Event}
	rec.Resize()
	h := sha256.New()
	var num [8]byte
	write := func(s string) {
		binary.LittleEndian.PutUint64(num[:], uint64(len(s)))
		h.Write(num[:])
		h.Write([]byte(s))
	}
	write(agent)
	if e := r.Entry; e != nil {
		write(entry.CursorID(e.Cursor))
		write(strconv.FormatInt(e.Realtime, 10))
	} else {
		e := r.Event
		write(string(e.Kind))
		write(e.Source)
		write(strconv.FormatInt(e.Time, 10))
		write(strconv.FormatUint(e.Count, 10))
		write(e.Message)
	}
	rec.ID = hex.EncodeToString(h.Sum(nil)[:16])
	return rec
}

// Resize sets Size after the content was changed.
func (r *Record) Resize() {
	r.Size = overhead
	if e := r.Event; e != nil {
		r.Size += len(e.Message) + len(e.Source)
		return
	}
	for i := range r.Entry.Fields {
		r.Size += len(r.Entry.Fields[i].Name) + len(r.Entry.Fields[i].Value) + 8
	}
	for _, tag := range r.Entry.Origin {
		r.Size += len(tag)
	}
}

// Time returns when the record was written, as its source says.
func (r *Record) Time() time.Time {
	if r.Entry != nil {
		return time.UnixMicro(r.Entry.Realtime).UTC()
	}
	return time.UnixMicro(r.Event.Time).UTC()
}

// Message returns the text of the record: the first field MESSAGE of an entry, or the
// sentence of an event.
func (r *Record) Message() []byte {
	if r.Entry == nil {
		return []byte(r.Event.Message)
	}
	m, _ := r.Entry.Get("MESSAGE")
	return m
}

// Text returns the whole text of the record: its message, or all of them, each on a line, if
// the entry has several.
func (r *Record) Text() []byte {
	if r.Entry == nil {
		return r.Message()
	}
	var text []byte
	for i, n := 0, 0; i < len(r.Entry.Fields); i++ {
		f := &r.Entry.Fields[i]
		if f.Name != "MESSAGE" {
			continue
		}
		if n++; n == 1 {
			text = f.Value[:len(f.Value):len(f.Value)] // what is appended must not change it
			continue
		}
		text = append(append(text, '\n'), f.Value...)
	}
	return text
}

// Field returns the first field with a name as text, "" if there is none. The text is valid
// as long as the entry's memory, since nobody changes that.
func (r *Record) Field(name string) string {
	if r.Entry == nil {
		return ""
	}
	v, _ := r.Entry.Get(name)
	return unsafe.String(unsafe.SliceData(v), len(v))
}

// Tag returns an origin tag (metric.OriginTags), "" if it is unknown.
func (r *Record) Tag(name string) string {
	if name == "agent_id" {
		return r.Agent
	}
	if r.Entry == nil {
		return ""
	}
	return r.Entry.Origin.Tag(name)
}

// DefaultPriority is the priority of an entry without a valid one: info.
const DefaultPriority = 6

// eventPriority is the priority of an event: warning.
const eventPriority = 4

// Priority returns the syslog priority, from 0 (emerg) to 7 (debug).
func (r *Record) Priority() int {
	if r.Entry == nil {
		return eventPriority
	}
	if p, _ := r.Entry.Get("PRIORITY"); len(p) == 1 && p[0] >= '0' && p[0] <= '7' {
		return int(p[0] - '0')
	}
	return DefaultPriority
}

// levels are the names of the priorities, as syslog.conf(5) and journalctl -p have them.
var levels = [8]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// Level returns the name of the record's priority.
func (r *Record) Level() string { return levels[r.Priority()] }

// Host returns the name of the machine: the field _HOSTNAME, else the agent's id.
func (r *Record) Host() string {
	if h := r.Field("_HOSTNAME"); h != "" {
		return h
	}
	return r.Agent
}

// Unit returns the unit of systemd that wrote the entry, "" if it is unknown.
func (r *Record) Unit() string {
	if u := r.Field("_SYSTEMD_UNIT"); u != "" {
		return u
	}
	return r.Field("UNIT")
}

// Container returns the name of the container or task: the task's name, else the field
// CONTAINER_NAME, else the container's id, else "".
func (r *Record) Container() string {
	for _, v := range []string{r.Tag("task_name"), r.Field("CONTAINER_NAME"), r.Tag("container_id")} {
		if v != "" {
			return v
		}
	}
	return ""
}

// Identifier returns the name of the program: the field SYSLOG_IDENTIFIER, else _COMM, else
// "daytwo" for an event, else "".
func (r *Record) Identifier() string {
	if r.Entry == nil {
		return "daytwo"
	}
	if id := r.Field("SYSLOG_IDENTIFIER"); id != "" {
		return id
	}
	return r.Field("_COMM")
}
