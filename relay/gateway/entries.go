package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// Entries implements query.Logs.
//
// A single agent's answer is passed on with the agent's own cursors. The answers of several
// are merged: first the entries that exist, in the order of time; then, with Follow, new
// ones, each of which waits up to Options.Reorder for older ones of agents that are silent.
// The entries of an agent that is late, or has a wrong clock, stay in their own order and
// are returned when they arrive.
func (g *Gateway) Entries(ctx context.Context, q *query.LogQuery) (query.LogReader, error) {
	if q.Follow && q.Reverse {
		return nil, fmt.Errorf("%w: what comes cannot be read in reverse", query.ErrBadLogQuery)
	}
	g.counts.queries.Add(1)
	r, err := g.read(ctx, q)
	if errors.Is(err, query.ErrNoSuchSource) && q.Follow {
		r, err = g.readLater(ctx, q, err)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// read opens a query.
func (g *Gateway) read(ctx context.Context, q *query.LogQuery) (*reader, error) {
	p, err := g.plan(ctx, q)
	if err != nil {
		return nil, err
	}
	r := &reader{g: g, q: *q, plan: p, left: -1, began: time.Now()}
	switch {
	case len(p.parts) == 1 && !isVector(q.Cursor) && (p.one || q.Cursor != ""):
		err = r.openOne(ctx)
	case q.Cursor != "" && !isVector(q.Cursor):
		return nil, fmt.Errorf("%w: it is of one agent, and the query asks %d: say which one",
			query.ErrBadCursor, len(p.parts))
	default:
		err = r.open(ctx)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// reader reads the entries of one query.
type reader struct {
	g       *Gateway
	q       query.LogQuery
	plan    *plan
	own     bool // the cursors are those of the only agent
	last    *leg // that the last entry came from
	waiting bool // the event that nothing matches yet was returned, or something matches
	found   found
	vector  vector
	text    []byte // of the cursor, if it has more than vector
	past    bool   // entries that existed before are being read; new ones follow
	left    int64  // entries; -1 is no limit
	skip    int64  // new entries that are left out
	out     entry.Entry

	mu     sync.Mutex // guards closed, and m when new entries follow
	closed bool
	m      *merger

	began     time.Time
	lived     time.Time // when the last record was returned
	refreshed time.Time
}

// openOne passes the query to the only agent.
func (r *reader) openOne(ctx context.Context) error {
	r.own = true
	r.m = r.g.newMerger(r.q.Reverse, r.q.Follow)
	l := r.m.add(r.plan.parts[0].agent, start{})
	l.q = r.plan.parts[0].q
	return r.begin(ctx)
}

// open merges what several agents have.
func (r *reader) open(ctx context.Context) (err error) {
	q := &r.q
	parts := r.plan.parts
	starts := make([]start, len(parts))
	tail := q.Tail && q.Cursor == "" && !q.Reverse
	move := q.Skip
	switch {
	case q.Cursor != "":
		if starts, err = r.g.resume(ctx, parts, q); err != nil {
			return err
		}
	case q.Reverse || tail:
		for i := range starts {
			starts[i].kind = atEnd
		}
	}
	if tail {
		move -= q.Limit
		if move > 0 {
			r.skip, move = move, 0
		}
	}
	if move != 0 && !(q.Reverse && q.Cursor == "" && move > 0) || tail {
		missing, err := r.g.move(ctx, parts, starts, move)
		if err != nil {
			return err
		}
		if move > 0 && q.Follow {
			r.skip += missing
		}
	}
	if q.Limit > 0 {
		r.left = q.Limit
	}
	r.past = q.Follow
	r.vector = newVector(len(parts))
	r.m = r.g.newMerger(q.Reverse, false)
	for i := range parts {
		r.add(parts[i].agent, &parts[i].q, starts[i])
	}
	if r.plan.waits {
		r.m.event(&entry.Event{Kind: entry.Waiting, Message: "nothing matches yet: waiting for the first entry"})
	}
	return r.begin(ctx)
}

// add adds an agent to the merger, at the next place of the cursor.
func (r *reader) add(agent string, q *query.LogQuery, s start) *leg {
	l := r.m.add(agent, s)
	l.q = *q
	l.q.Follow, l.q.Limit = r.m.follow, 0
	if r.left >= 0 && !r.m.follow {
		l.q.Limit = max(r.left+r.skip, 1)
	}
	if !s.apply(&l.q, r.q.Reverse) {
		l.state = ended
	}
	p := s.position
	p.reversed, p.current = s.kind == before, r.last != nil && r.last.index == l.index
	if s.kind == before {
		p.kind = after
	}
	r.vector.set(l.index, l.hash, p)
	if s.kind == after {
		l.setPlace(s.cursor)
	}
	if s.lost {
		r.m.event(&entry.Event{
			Kind: entry.Vacuumed, Agent: agent,
			Message: "the entry of the cursor was deleted, and perhaps others after it",
		})
	}
	return l
}

// begin opens the streams, and returns an error if no agent answers.
func (r *reader) begin(ctx context.Context) error {
	r.lived, r.refreshed = time.Now(), time.Now()
	r.m.openAll(ctx)
	if err := r.m.refused(); err != nil {
		return err
	}
	r.m.begin()
	return nil
}

// Next implements query.LogReader.
func (r *reader) Next(ctx context.Context) (entry.Record, error) {
	for {
		if r.left == 0 {
			if err := r.followOn(ctx); err != nil {
				return entry.Record{}, err
			}
		}
		rec, l, err := r.m.next(ctx)
		switch {
		case err == io.EOF:
			if err := r.followOn(ctx); err != nil {
				return entry.Record{}, err
			}
			continue
		case err != nil:
			return entry.Record{}, err
		case rec.Event != nil && r.wanted(rec.Event):
			return rec, nil
		case rec.Event != nil:
			continue
		}
		now := time.Now()
		if !r.own && r.m.follow {
			r.grow(now)
		}
		if rec.Entry == nil {
			if now.Sub(r.lived) >= signOfLife {
				r.lived = now
				return entry.Record{}, nil
			}
			continue
		}
		if out := r.take(rec.Entry, l); out != nil {
			r.lived = now
			return entry.Record{Entry: out}, nil
		}
	}
}

// take counts an entry and gives it its cursor. It returns nil if the entry is skipped.
func (r *reader) take(e *entry.Entry, l *leg) *entry.Entry {
	r.g.counts.entries.Add(1)
	r.waiting = true // for more, which is no news
	if r.own {
		return e
	}
	l.took(e)
	if r.last != nil && r.last != l {
		r.mark(r.last, false)
	}
	l.usedHash = hashCursor(e.Cursor)
	r.last = l
	r.mark(l, true)
	if r.skip > 0 {
		r.skip--
		return nil
	}
	if r.left > 0 {
		r.left--
	}
	r.out = *e // the leg still needs the entry as it is
	r.out.Cursor = r.cursor()
	return &r.out
}

// cursor returns the cursor of the query, which is valid until the next entry.
func (r *reader) cursor() string {
	size := 0
	for _, l := range r.m.legs {
		size += len(l.place)
	}
	if size == 0 || size > maxPlaces || r.q.Reverse {
		return r.vector.string()
	}
	r.text = append(r.text[:0], r.vector.text...)
	for i, l := range r.m.legs {
		if len(l.place) > 0 {
			r.text = append(strconv.AppendInt(append(r.text, '~'), int64(i), 10), ':')
			r.text = append(r.text, l.place...)
		}
	}
	return unsafe.String(unsafe.SliceData(r.text), len(r.text))
}

// wanted reports whether an event is passed on. That nothing matches yet concerns the query
// only while nothing matches on any agent.
func (r *reader) wanted(e *entry.Event) bool {
	if e.Kind != entry.Waiting || r.own {
		return true
	}
	if r.waiting || r.q.Cursor != "" {
		return false
	}
	r.waiting = true
	e.Agent = ""
	return true
}

// mark writes the last entry of a leg into the cursor.
func (r *reader) mark(l *leg, current bool) {
	r.vector.set(l.index, l.hash, position{
		kind: after, time: l.usedAt, hash: l.usedHash, current: current, reversed: r.q.Reverse,
	})
}

// followOn goes on with new entries after those that existed before. It returns io.EOF if
// the query does not follow.
func (r *reader) followOn(ctx context.Context) error {
	if !r.past {
		return io.EOF
	}
	old := r.m
	old.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return context.Canceled
	}
	r.past, r.left = false, -1
	r.m = r.g.newMerger(false, true)
	r.m.idle = min(idle, r.g.o.Refresh)
	if len(old.legs) == 0 {
		r.m.idle = min(time.Second, r.g.o.Refresh)
	}
	for i, l := range old.legs {
		s := l.start
		if l.used != nil {
			s = start{position: position{kind: after, time: l.usedAt, hash: l.usedHash}, cursor: string(l.used)}
		}
		s.lost = false
		next := r.add(l.agent, &r.plan.parts[i].q, s)
		next.told, next.used, next.usedAt, next.usedHash = l.told, l.used, l.usedAt, l.usedHash
		if r.last == l {
			r.last = next
		}
	}
	r.m.events = append(r.m.events, old.events...)
	r.m.openAll(ctx)
	if err := r.m.refused(); err != nil && !errors.Is(err, query.ErrNodeAway) && !errors.Is(err, query.ErrNoSuchSource) {
		return err
	}
	r.m.begin()
	return nil
}

// Close implements query.LogReader.
func (r *reader) Close() error {
	r.mu.Lock()
	r.closed = true
	m := r.m
	r.mu.Unlock()
	if m != nil {
		m.close()
	}
	return nil
}
