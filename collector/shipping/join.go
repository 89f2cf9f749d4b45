package shipping

import (
	"bytes"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

// Limits of what a joiner holds. Beyond them, the entries that wait longest are no longer
// waited for.
const (
	maxStreams = 4096
	maxHeld    = 8 << 20 // bytes
)

// joiner joins lines of one writer to one entry. The entry has the cursor, the time and
// the fields of the first line.
type joiner struct {
	emit    func(*entry.Entry)
	streams map[string]*stream
	key     []byte
	first   *stream // of those that hold an entry, the one that was opened first
	last    *stream
	held    int            // bytes of their messages
	joined  *atomic.Uint64 // counts lines that were added to the one before
}

// stream is a writer of lines.
type stream struct {
	key        string
	prev, next *stream
	open       bool // an entry is held, of which more lines may come

	joining rules.Joining
	e       entry.Entry
	cursor  []byte // memory of e.Cursor
	values  []byte // and of the values of e.Fields, without the message
	ends    []int  // where in values each of them ends
	text    int    // index of the message in e.Fields
	message []byte
	lines   int
	before  place     // of the entry that was read before the first line
	at      time.Time // when the newest line was read
}

// add takes a line of an entry. before is the place of the entry that was read before.
func (j *joiner) add(f *rules.Facts, e *entry.Entry, joining rules.Joining, before *place, now time.Time) {
	line := f.Message()
	j.key = f.AppendStream(j.key[:0])
	// From here on f is not valid: what is passed on overwrites it.
	s := j.streams[view(j.key)]
	if s == nil {
		s = j.newStream()
	}
	if s.open && (s.lines >= s.joining.MaxLines || len(s.message)+1+len(line) > s.joining.MaxBytes ||
		joining.Begins(line)) {
		j.finish(s)
	}
	s.at = now
	if s.open {
		s.message = append(append(s.message, '\n'), line...)
		s.lines++
		j.joined.Add(1)
		j.held += 1 + len(line)
	} else {
		s.joining = joining
		s.hold(e, line, before)
		j.link(s)
		j.held += len(line)
	}
	for j.held > maxHeld && j.first != nil {
		j.finish(j.first)
	}
}

func (j *joiner) newStream() *stream {
	if len(j.streams) >= maxStreams {
		for key, s := range j.streams {
			if !s.open {
				delete(j.streams, key)
			}
		}
	}
	if len(j.streams) >= maxStreams {
		delete(j.streams, j.first.key)
		j.finish(j.first)
	}
	s := &stream{key: string(j.key)}
	if j.streams == nil {
		j.streams = map[string]*stream{}
	}
	j.streams[s.key] = s
	return s
}

// hold begins an entry with its first line.
func (s *stream) hold(e *entry.Entry, line []byte, before *place) {
	s.before.set(before)
	s.cursor = append(s.cursor[:0], e.Cursor...)
	s.message = append(s.message[:0], line...)
	s.lines, s.open, s.text = 1, true, -1
	fields := s.e.Fields[:0]
	s.values, s.ends = s.values[:0], s.ends[:0]
	for i, f := range e.Fields {
		if f.Name == "MESSAGE" && s.text < 0 {
			s.text = i
		} else {
			s.values = append(s.values, f.Value...)
		}
		s.ends = append(s.ends, len(s.values))
		fields = append(fields, entry.Field{Name: f.Name})
	}
	from := 0
	for i, end := range s.ends { // values may have moved while it grew
		fields[i].Value = s.values[from:end:end]
		from = end
	}
	s.e = *e
	s.e.Fields = fields
	s.e.Cursor = view(s.cursor)
}

// finish passes on the entry that a stream holds. The stream counts as holding it until
// it was passed on, so that the position cannot move over it before.
func (j *joiner) finish(s *stream) {
	s.e.Fields[s.text].Value = s.message
	j.emit(&s.e)
	s.open = false
	j.held -= len(s.message)
	j.unlink(s)
}

func (j *joiner) link(s *stream) {
	s.prev, s.next = j.last, nil
	if j.last != nil {
		j.last.next = s
	} else {
		j.first = s
	}
	j.last = s
}

func (j *joiner) unlink(s *stream) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		j.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		j.last = s.prev
	}
	s.prev, s.next = nil, nil
}

// idle passes on what had no further line in time.
func (j *joiner) idle(now time.Time) {
	for s := j.first; s != nil; {
		next := s.next
		if now.Sub(s.at) >= s.joining.Idle {
			j.finish(s)
		}
		s = next
	}
}

// flush passes on everything.
func (j *joiner) flush() {
	for j.first != nil {
		j.finish(j.first)
	}
}

// drop forgets everything.
func (j *joiner) drop() {
	j.streams, j.first, j.last, j.held = nil, nil, nil, 0
}

// expire forgets writers that hold nothing and had no line for a minute.
func (j *joiner) expire(now time.Time) {
	for key, s := range j.streams {
		if !s.open && now.Sub(s.at) > time.Minute {
			delete(j.streams, key)
		}
	}
}

// before returns the place from which everything that is held would be read again, nil
// if nothing is held.
func (j *joiner) before() *place {
	if j.first == nil {
		return nil
	}
	return &j.first.before
}

// place is a place in the logs of the node.
type place struct {
	cursor   []byte // of the newest entry before it; none at the first start
	realtime int64  // of that entry, microseconds since 1970
}

// set copies another place, and reuses the memory of this one.
func (p *place) set(q *place) {
	p.cursor = append(p.cursor[:0], q.cursor...)
	p.realtime = q.realtime
}

func (p *place) equal(q *place) bool {
	return p.realtime == q.realtime && bytes.Equal(p.cursor, q.cursor)
}

// view returns bytes as text without copying them. It is valid as long as they are.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
