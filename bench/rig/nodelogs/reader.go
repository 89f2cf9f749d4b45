package nodelogs

import (
	"context"
	"io"
	"slices"
	"sync"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// reader returns what was selected when it was opened, then what comes.
type reader struct {
	l      *Logs
	q      *query.LogQuery
	match  func(*entry.Entry) bool
	past   []*entry.Entry
	skip   int64 // of what comes
	next   int   // entry to look at after the past
	events int   // that were returned
	closed chan struct{}
	close  func()
}

// Entries implements query.Logs.
func (l *Logs) Entries(_ context.Context, q *query.LogQuery) (query.LogReader, error) {
	match, err := l.matcher(q)
	if err != nil {
		return nil, err
	}
	r := &reader{l: l, q: q, match: match, closed: make(chan struct{})}
	l.mu.Lock()
	r.next, r.events = len(l.entries), len(l.events)
	l.readers++
	l.mu.Unlock()
	r.close = sync.OnceFunc(func() {
		close(r.closed)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.readers--
	})
	if err := r.begin(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// begin selects the past: in the order of reading from where reading begins.
func (r *reader) begin() error {
	all := r.l.all()[:r.next]
	var list []*entry.Entry // all that match, in the journal's order
	at := 0                 // where reading begins, in list; with Reverse it goes back from at-1
	after := -1
	if r.q.Cursor != "" {
		n, err := r.l.position(r.q.Cursor)
		if err != nil {
			return err
		}
		after = n
	}
	for i, e := range all {
		if !r.match(e) {
			continue
		}
		list = append(list, e)
		if after >= 0 && (i < after && !r.q.Reverse || i < after-1 && r.q.Reverse) {
			at = len(list)
		}
	}
	tail := r.q.Tail && r.q.Cursor == "" && !r.q.Reverse
	if r.q.Cursor == "" && (r.q.Reverse || tail) {
		at = len(list)
	}
	if tail {
		at -= int(min(int64(at), r.q.Limit))
	}
	at += int(r.q.Skip)
	if at > len(list) {
		r.skip = int64(at - len(list))
	}
	at = min(max(at, 0), len(list))
	if r.q.Reverse {
		r.past = slices.Clone(list[:at])
		slices.Reverse(r.past)
	} else {
		r.past = slices.Clone(list[at:])
	}
	if n := r.q.Limit; n > 0 && int64(len(r.past)) > n {
		r.past = r.past[:n]
	}
	return nil
}

// Next implements query.LogReader.
func (r *reader) Next(ctx context.Context) (entry.Record, error) {
	for {
		r.l.mu.Lock()
		changed := r.l.changed
		entries, events := r.l.entries, r.l.events
		r.l.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return entry.Record{}, ctx.Err()
		case len(r.past) > 0:
			e := r.past[0]
			r.past = r.past[1:]
			return entry.Record{Entry: r.cut(e)}, nil
		case !r.q.Follow:
			return entry.Record{}, io.EOF
		case r.events < len(events):
			r.events++
			e := *events[r.events-1]
			return entry.Record{Event: &e}, nil
		}
		for r.next < len(entries) {
			e := entries[r.next]
			r.next++
			if !r.match(e) {
				continue
			}
			if r.skip > 0 {
				r.skip--
				continue
			}
			return entry.Record{Entry: r.cut(e)}, nil
		}
		select {
		case <-changed:
		case <-r.closed:
			return entry.Record{}, io.ErrClosedPipe
		case <-ctx.Done():
			return entry.Record{}, ctx.Err()
		}
	}
}

// cut returns a copy of an entry with the fields of the query.
func (r *reader) cut(e *entry.Entry) *entry.Entry {
	c := e.Clone()
	if r.q.Fields != nil {
		c.Fields = slices.DeleteFunc(c.Fields, func(f entry.Field) bool { return !slices.Contains(r.q.Fields, f.Name) })
	}
	return c
}

func (r *reader) Close() error {
	r.close()
	return nil
}
