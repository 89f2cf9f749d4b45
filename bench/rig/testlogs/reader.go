package testlogs

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// reader is one query.
type reader struct {
	l      *Logs
	q      *query.LogQuery
	match  func(*entry.Entry) bool
	at     int   // index of the next record; in reverse, of the record after it
	left   int64 // entries of the past that may still come; -1 is no bound
	skip   int64 // matching entries that come and are skipped
	until  int   // records there were at the beginning
	closed chan struct{}
	close  func()
	given  []byte // the memory of the entry that Next returned last
}

// Entries implements query.Logs.
func (l *Logs) Entries(_ context.Context, q *query.LogQuery) (query.LogReader, error) {
	match, err := l.matcher(q)
	if err != nil {
		return nil, err
	}
	r := &reader{l: l, q: q, match: match, left: -1, closed: make(chan struct{})}
	if q.Limit > 0 {
		r.left = q.Limit
	}
	if err := r.begin(l.all()); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers[r] = true
	r.close = sync.OnceFunc(func() {
		close(r.closed)
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.readers, r)
	})
	return r, nil
}

// begin finds where reading begins.
func (r *reader) begin(all []entry.Record) error {
	q := r.q
	r.until = len(all)
	var found []int // indexes of what matches
	for i, rec := range all {
		if rec.Entry != nil && r.match(rec.Entry) {
			found = append(found, i)
		}
	}
	first := 0 // how many of what matches are before the beginning
	switch {
	case q.Cursor != "":
		c := slices.IndexFunc(all, func(rec entry.Record) bool { return rec.Entry != nil && rec.Entry.Cursor == q.Cursor })
		if c < 0 {
			return fmt.Errorf("%q: %w", q.Cursor, query.ErrBadCursor)
		}
		if !q.Reverse {
			c++
		}
		first, _ = slices.BinarySearch(found, c)
	case q.Reverse:
		first = len(found)
	case q.Tail:
		first = len(found) - min(int(q.Limit), len(found))
	}
	first += int(q.Skip)
	r.skip = int64(max(first-len(found), 0))
	first = min(max(first, 0), len(found))
	switch {
	case !q.Reverse && first < len(found):
		r.at = found[first]
	case !q.Reverse:
		r.at = len(all)
	case first > 0:
		r.at = found[first-1] + 1
	}
	return nil
}

// Next implements query.LogReader. An entry is overwritten by the next call, so that
// whoever keeps a part of one notices.
func (r *reader) Next(ctx context.Context) (entry.Record, error) {
	for i := range r.given {
		r.given[i] = '!'
	}
	r.given = nil
	for {
		if ctx.Err() != nil {
			return entry.Record{}, ctx.Err()
		}
		r.l.mu.Lock()
		all, changed, fault := r.l.records, r.l.changed, r.l.fault
		r.l.mu.Unlock()
		if fault != nil {
			return entry.Record{}, fault
		}
		if rec, ok := r.next(all); ok {
			return rec, nil
		}
		if !r.q.Follow {
			return entry.Record{}, io.EOF
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-r.closed:
			return entry.Record{}, io.ErrClosedPipe
		case <-time.After(100 * time.Millisecond):
			return entry.Record{}, nil
		}
	}
}

// next returns the next record of those that there are.
func (r *reader) next(all []entry.Record) (entry.Record, bool) {
	for {
		i := r.at
		if r.q.Reverse {
			i--
		}
		if i < 0 || i >= len(all) || !r.q.Follow && (i >= r.until || r.left == 0) {
			return entry.Record{}, false
		}
		if r.at++; r.q.Reverse {
			r.at -= 2
		}
		rec := all[i]
		switch {
		case rec.Event != nil:
			e := *rec.Event
			return entry.Record{Event: &e}, true
		case !r.match(rec.Entry), i < r.until && r.left == 0:
			continue
		case i < r.until && r.left > 0:
			r.left--
		case i >= r.until && r.skip > 0:
			r.skip--
			continue
		}
		return entry.Record{Entry: r.only(rec.Entry)}, true
	}
}

// only returns an entry with the fields that are wanted, in memory of its own.
func (r *reader) only(e *entry.Entry) *entry.Entry {
	c := e.Clone()
	if r.q.Fields != nil {
		c.Fields = slices.DeleteFunc(c.Fields, func(f entry.Field) bool { return !slices.Contains(r.q.Fields, f.Name) })
	}
	size := len(c.Cursor)
	for _, f := range c.Fields {
		size += len(f.Value)
	}
	r.given = append(make([]byte, 0, size), c.Cursor...)
	c.Cursor = unsafe.String(unsafe.SliceData(r.given), len(r.given))
	for i, f := range c.Fields {
		r.given = append(r.given, f.Value...)
		c.Fields[i].Value = r.given[len(r.given)-len(f.Value):]
	}
	return c
}

// Close implements query.LogReader.
func (r *reader) Close() error {
	r.close()
	return nil
}
