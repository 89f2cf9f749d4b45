package testlogs

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// Logs holds the entries of a node, or of a fleet, in one order. It is safe for concurrent use.
type Logs struct {
	agent   string
	mu      sync.Mutex
	changed chan struct{} // closed by the next change
	records []entry.Record
	entries int // of records
	readers map[*reader]bool
	fault   error // of all reading
}

var (
	_ query.Logs        = (*Logs)(nil)
	_ query.LogResolver = (*Logs)(nil)
)

// New returns the logs of an agent, without entries. With the agent "" each entry says itself
// of which agent it is.
func New(agent string) *Logs {
	return &Logs{agent: agent, changed: make(chan struct{}), readers: map[*reader]bool{}}
}

// Add appends a copy of an entry. An entry without a cursor gets one.
func (l *Logs) Add(e entry.Entry) {
	c := e.Clone()
	l.add(func() entry.Record {
		l.entries++
		if c.Cursor == "" {
			c.Cursor = fmt.Sprintf("s=%s;i=%x", cmp.Or(l.agent, "test"), l.entries)
		}
		if l.agent != "" {
			c.Origin.SetTag("agent_id", l.agent)
		}
		return entry.Record{Entry: c}
	})
}

// Say appends an entry of a task, "" for none, with MESSAGE and more fields, as NAME=value.
func (l *Logs) Say(realtime int64, task, message string, fields ...string) {
	e := entry.Entry{Realtime: realtime, Monotonic: realtime % 1e9, Boot: [16]byte{1, 2, 3}}
	if task != "" {
		e.Origin.SetTag("task_name", task)
		e.Origin.SetTag("container_id", task+"-on-"+l.agent)
	}
	e.Fields = []entry.Field{{Name: "MESSAGE", Value: []byte(message)}}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		e.Fields = append(e.Fields, entry.Field{Name: name, Value: []byte(value)})
	}
	l.Add(e)
}

// Event appends an event, which every query that reads past it returns.
func (l *Logs) Event(e entry.Event) { l.add(func() entry.Record { return entry.Record{Event: &e} }) }

// Fail ends all reading with an error.
func (l *Logs) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = err
	l.wake()
}

func (l *Logs) add(next func() entry.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, next())
	l.wake()
}

func (l *Logs) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Readers returns the number of readers that are open.
func (l *Logs) Readers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.readers)
}

// Followers returns the number of open readers that follow.
func (l *Logs) Followers() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for r := range l.readers {
		if r.q.Follow {
			n++
		}
	}
	return n
}

// all returns the records that there are.
func (l *Logs) all() []entry.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records[:len(l.records):len(l.records)]
}

// Line makes an entry of a line of output: of a container of an agent, on a stream
// ("STDOUT" or "STDERR"), a second after the one with the number before.
func Line(agent, container, stream, message string, number int) entry.Entry {
	e := entry.Entry{Realtime: 1_767_323_045_000_000 + int64(number)*1_000_000, Monotonic: int64(number) * 1_000_000,
		Boot: [16]byte{0xb0, 0x07}, Fields: []entry.Field{
			{Name: "MESSAGE", Value: []byte(message)}, {Name: "PRIORITY", Value: []byte("6")},
			{Name: "STREAM", Value: []byte(stream)}, {Name: "NUMBER", Value: []byte(strconv.Itoa(number))},
		}}
	e.Origin.SetTag("agent_id", agent)
	e.Origin.SetTag("container_id", container)
	return e
}
