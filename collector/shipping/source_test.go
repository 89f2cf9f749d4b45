package shipping

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// source is the logs of a node in memory: lines that a test writes, or that it makes up
// as they are read. As readers of journals do, its readers use their memory again.
type source struct {
	query.Logs // the rest is not used

	mu      sync.Mutex
	lines   []line
	made    int // instead of lines: so many of make
	make    func(i int) line
	gone    int // lines that were vacuumed
	news    chan struct{}
	opened  int // readers so far
	read    int // entries that readers returned
	at      int // the next line of the newest reader
	fail    error
	queries []query.LogQuery
}

// line is an entry, without its cursor and time.
type line struct {
	unit, text string
	priority   int
	container  string
	more       []entry.Field
}

const firstTime = 1_700_000_000_000_000 // of line 0; each later one is a millisecond younger

func newSource() *source { return &source{news: make(chan struct{})} }

// write appends lines.
func (s *source) write(lines ...line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, lines...)
	s.wake()
}

func (s *source) wake() {
	close(s.news)
	s.news = make(chan struct{})
}

// numbers appends n lines with numbers, of one unit.
func (s *source) numbers(unit string, n int) {
	lines := make([]line, n)
	s.mu.Lock()
	from := len(s.lines)
	s.mu.Unlock()
	for i := range lines {
		lines[i] = line{unit: unit, text: strconv.Itoa(from + i), priority: 6}
	}
	s.write(lines...)
}

func (s *source) Entries(_ context.Context, q *query.LogQuery) (query.LogReader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	s.queries = append(s.queries, *q)
	if s.fail != nil {
		return nil, s.fail
	}
	r := &sourceReader{s: s}
	if q.Cursor != "" {
		_, hex, ok := strings.Cut(q.Cursor, ";i=")
		i, err := strconv.ParseInt(hex, 16, 64)
		if !ok || err != nil {
			return nil, fmt.Errorf("%w: %s", query.ErrBadCursor, q.Cursor)
		}
		r.next = int(i)
	} else if q.Since > firstTime {
		r.next = int((q.Since - firstTime + 999) / 1000)
	}
	s.at = r.next
	return r, nil
}

type sourceReader struct {
	s      *source
	next   int // index of the next line
	e      entry.Entry
	values []byte
	cursor []byte
	event  entry.Event
}

func (r *sourceReader) Next(ctx context.Context) (entry.Record, error) {
	for {
		r.s.mu.Lock()
		if err := r.s.fail; err != nil {
			r.s.mu.Unlock()
			return entry.Record{}, err
		}
		if r.next < r.s.gone {
			r.event = entry.Event{Kind: entry.Vacuumed, Time: 1, Count: uint64(r.s.gone - r.next), Message: "Vacuumed."}
			r.next = r.s.gone
			r.s.mu.Unlock()
			return entry.Record{Event: &r.event}, nil
		}
		if r.next < max(len(r.s.lines), r.s.made) {
			var l line
			if r.s.make != nil {
				l = r.s.make(r.next)
			} else {
				l = r.s.lines[r.next]
			}
			r.s.read++
			r.s.at = r.next + 1
			r.s.mu.Unlock()
			r.fill(l)
			return entry.Record{Entry: &r.e}, nil
		}
		news := r.s.news
		r.s.mu.Unlock()
		select {
		case <-ctx.Done():
			return entry.Record{}, ctx.Err()
		case <-news:
		}
	}
}

// fill makes the entry of a line, in the memory of the entry before.
func (r *sourceReader) fill(l line) {
	for i := range r.values {
		r.values[i] = '#'
	}
	for i := range r.cursor {
		r.cursor[i] = '#'
	}
	r.values, r.e.Fields = r.values[:0], r.e.Fields[:0]
	if need := len(l.text) + len(l.unit) + 16; cap(r.values) < need {
		r.values = make([]byte, 0, 2*need)
	}
	add := func(name, value string) {
		from := len(r.values)
		r.values = append(r.values, value...)
		r.e.Fields = append(r.e.Fields, entry.Field{Name: name, Value: r.values[from:]})
	}
	add("_SYSTEMD_UNIT", l.unit)
	add("PRIORITY", digits[l.priority:l.priority+1])
	add("MESSAGE", l.text)
	r.e.Fields = append(r.e.Fields, l.more...)
	r.e.Origin = entry.Origin{}
	r.e.Origin.SetTag("container_id", l.container)
	r.next++
	r.cursor = strconv.AppendInt(append(r.cursor[:0], "s=4711;i="...), int64(r.next), 16)
	r.e.Cursor, r.e.Realtime, r.e.Monotonic = view(r.cursor), firstTime+int64(r.next-1)*1000, int64(r.next)
}

const digits = "01234567"

func (r *sourceReader) Close() error { return nil }

var errBroken = errors.Join(errors.New("the journal is broken"), io.ErrUnexpectedEOF)

func TestSourceVacuum(t *testing.T) {
	s := newSource()
	s.numbers("a", 5)
	s.gone = 3
	r, err := s.Entries(t.Context(), &query.LogQuery{Cursor: "s=4711;i=1"})
	if err != nil {
		t.Fatal(err)
	}
	if rec, _ := r.Next(t.Context()); rec.Event == nil || rec.Event.Count != 2 {
		t.Errorf("%+v", rec)
	}
	if rec, _ := r.Next(t.Context()); rec.Entry == nil || rec.Entry.Cursor != "s=4711;i=4" {
		t.Errorf("%+v", rec)
	}
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }
