package testlogs

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/daytwo/daytwo/api/entry"
)

// Store holds the entries of a fleet in one order. It is safe for concurrent use.
type Store struct {
	mu      sync.Mutex
	changed chan struct{} // closed by the next Add
	records []entry.Record
}

// New returns a store without entries.
func New() *Store { return &Store{changed: make(chan struct{})} }

// Add appends a copy of an entry. An entry without a cursor gets one.
func (s *Store) Add(e entry.Entry) {
	c := e.Clone()
	s.add(func() entry.Record {
		if c.Cursor == "" {
			c.Cursor = fmt.Sprintf("s=test;i=%x", len(s.records)+1)
		}
		return entry.Record{Entry: c}
	})
}

// Event appends an event, which every query that reads past it returns.
func (s *Store) Event(e entry.Event) { s.add(func() entry.Record { return entry.Record{Event: &e} }) }

func (s *Store) add(next func() entry.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, next())
	close(s.changed)
	s.changed = make(chan struct{})
}

// snapshot returns what there is, and what is closed when there is more.
func (s *Store) snapshot() ([]entry.Record, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[:len(s.records):len(s.records)], s.changed
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
