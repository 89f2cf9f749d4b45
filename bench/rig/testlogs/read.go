package testlogs

import (
	"context"
	"io"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// reader is one query.
type reader struct {
	s      *Store
	q      query.LogQuery
	at     int   // index of the next record; in reverse, of the record after it
	left   int64 // entries of the past that may still come; -1 is no bound
	until  int   // records there were at the beginning
	closed atomic.Bool
	given  []byte // the memory of the entry that Next returned last
}

// Entries implements query.Logs.
func (s *Store) Entries(_ context.Context, q *query.LogQuery) (query.LogReader, error) {
	all, _ := s.snapshot()
	var found []int // indexes of what matches
	for i, r := range all {
		if r.Entry != nil && matches(q, r.Entry) {
			found = append(found, i)
		}
	}
	if len(found) == 0 && !q.Follow && len(q.Containers)+len(q.Tasks)+len(q.Units) > 0 && !s.exists(q, all) {
		return nil, query.ErrNoSuchSource
	}
	first := 0 // how many of what matches are before the beginning
	switch {
	case q.Cursor != "":
		c := slices.IndexFunc(all, func(r entry.Record) bool { return r.Entry != nil && r.Entry.Cursor == q.Cursor })
		if c < 0 {
			return nil, query.ErrBadCursor
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
	first = min(max(first+int(q.Skip), 0), len(found))
	r := &reader{s: s, q: *q, until: len(all), left: -1}
	if q.Limit > 0 {
		r.left = q.Limit
	}
	switch {
	case !q.Reverse && first < len(found):
		r.at = found[first]
	case !q.Reverse:
		r.at = len(all)
	case first > 0:
		r.at = found[first-1] + 1
	}
	return r, nil
}

// exists reports whether the sources that a query names have any entry.
func (s *Store) exists(q *query.LogQuery, all []entry.Record) bool {
	only := query.LogQuery{Agents: q.Agents, Containers: q.Containers, Tasks: q.Tasks, Units: q.Units, Scope: q.Scope}
	return slices.ContainsFunc(all, func(r entry.Record) bool { return r.Entry != nil && matches(&only, r.Entry) })
}

// Next implements query.LogReader. An entry is overwritten by the next call, so that
// whoever keeps a part of one notices.
func (r *reader) Next(ctx context.Context) (entry.Record, error) {
	for i := range r.given {
		r.given[i] = '!'
	}
	r.given = nil
	for {
		all, changed := r.s.snapshot()
		for {
			i := r.at
			if r.q.Reverse {
				i--
			}
			if i < 0 || i >= len(all) || !r.q.Follow && (i >= r.until || r.left == 0) {
				break
			}
			if r.at++; r.q.Reverse {
				r.at -= 2
			}
			rec := all[i]
			switch {
			case rec.Event != nil:
				return rec, nil
			case !matches(&r.q, rec.Entry), i < r.until && r.left == 0:
				continue
			}
			if i < r.until && r.left > 0 {
				r.left--
			}
			return entry.Record{Entry: r.only(rec.Entry)}, nil
		}
		if !r.q.Follow {
			return entry.Record{}, io.EOF
		}
		select {
		case <-ctx.Done():
			return entry.Record{}, ctx.Err()
		case <-changed:
		case <-time.After(100 * time.Millisecond):
			if r.closed.Load() {
				return entry.Record{}, io.EOF
			}
			return entry.Record{}, nil
		}
	}
}

// only returns an entry with the fields that are wanted, in memory of its own.
func (r *reader) only(e *entry.Entry) *entry.Entry {
	c := e.Clone()
	defer func() {
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
	}()
	if r.q.Fields != nil {
		c.Fields = slices.DeleteFunc(c.Fields, func(f entry.Field) bool { return !slices.Contains(r.q.Fields, f.Name) })
	}
	return c
}

// Close implements query.LogReader.
func (r *reader) Close() error {
	r.closed.Store(true)
	return nil
}
