package logs

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

// reader carries out one query.
type reader struct {
	o    *opened
	q    query.LogQuery
	busy sync.Mutex // held by Next
	w    source
	ctx  eitherContext   // of the call of Next
	done context.Context // ends with Close
	end  context.CancelFunc

	left     int64  // entries that may still come; -1: no bound
	skip     int64  // entries that are not shown when they come
	snapshot source // after what there was at the beginning, if Limit bounds that alone
	reached  bool   // the end of what there is
	sent     bool   // an entry was returned
	taken    int    // steps of w
	began    time.Time
	planned  time.Time
	gen      uint64    // of the identities, then
	quiet    time.Time // since when nothing came
	looks    uint64    // of the identities, then
	gone     time.Time // when what is followed was found to have ended, without an entry
	asked    bool      // that runtimes were asked for a log file, as nothing came at all
	alive    time.Time // of the last record
	over     bool
	last     bool // what went wrong until the end was told
	closing  sync.Once

	rec    entry.Entry
	cursor []byte
	event  entry.Event
	events []entry.Event   // to be returned before anything else
	told   map[string]bool // log files that do not respond, and that an event told of
}

// Entries implements query.Logs.
func (n *Node) Entries(ctx context.Context, q *query.LogQuery) (query.LogReader, error) {
	o, p, err := n.plan(ctx, q)
	if err != nil {
		return nil, err
	}
	r := &reader{o: o, q: *q, w: o.source(p), left: -1, began: time.Now(), planned: time.Now(),
		gen: n.o.Identities.gen.Load(), events: o.bad(), told: map[string]bool{}}
	r.events = append(r.events, n.heldEvents(p.held, r.told)...)
	r.done, r.end = context.WithCancel(context.Background())
	if q.Limit > 0 {
		r.left = q.Limit
	}
	if rest := len(p.files) - maxLogFiles; rest > 0 {
		r.events = append(r.events, n.event(entry.Unreadable, "", 0,
			fmt.Sprintf("%d container log files more than one query reads are left out: name containers or tasks", rest)))
	}
	n.stats.opened.Add(1)
	n.stats.open.Add(1)
	if err := r.start(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// start goes to where reading begins.
func (r *reader) start(ctx context.Context) error {
	q, w := &r.q, r.w
	if q.Follow && q.Limit > 0 && !q.Tail {
		r.snapshot = r.o.source(w.status().p)
		r.snapshot.tail()
	}
	switch {
	case q.Cursor != "":
		e, err := w.seekCursor(q.Cursor, !q.Reverse)
		if err != nil {
			return err
		}
		if e != nil {
			r.events = append(r.events, *e)
		}
	case q.Reverse || q.Tail:
		w.seekEnd()
	case q.Since > 0:
		w.seekTime(q.Since)
	default:
		w.seekHead()
	}
	if q.Tail && q.Cursor == "" {
		if q.Limit == 0 {
			w.tail()
		}
		if _, err := steps(ctx, w, -q.Limit); err != nil {
			return err
		}
	}
	missing, err := steps(ctx, w, q.Skip)
	if err != nil {
		return err
	}
	if q.Follow && q.Skip > 0 {
		r.skip = missing
	}
	if w.status().p.waits {
		r.wait()
	}
	return nil
}

// wait says that nothing matches yet.
func (r *reader) wait() {
	r.events = append(r.events, r.o.node.event(entry.Waiting, "", 0, "nothing matches yet: waiting for the first entry"))
}

// Next implements query.LogReader.
func (r *reader) Next(ctx context.Context) (entry.Record, error) {
	r.busy.Lock()
	defer r.busy.Unlock()
	d := forward
	if r.q.Reverse {
		d = backward
	}
	r.alive = time.Now()
	r.ctx.Context, r.ctx.done = ctx, r.done
	for {
		if len(r.events) > 0 {
			return r.next(), nil
		}
		if r.done.Err() != nil {
			return entry.Record{}, io.EOF
		}
		if r.over || r.left == 0 && !r.q.Follow && !r.q.Tail {
			if r.last {
				return entry.Record{}, io.EOF
			}
			r.last = true
			r.tellErrors()
			continue
		}
		if r.left == 0 && r.q.Follow {
			r.leaveRest()
		}
		ok, err := r.w.step(&r.ctx, d)
		if err != nil && r.done.Err() != nil {
			return entry.Record{}, io.EOF
		}
		if err != nil {
			return entry.Record{}, err
		}
		if ok {
			if rec, ok := r.take(); ok {
				return rec, nil
			}
			continue
		}
		if r.tellErrors(); len(r.events) > 0 {
			continue
		}
		if !r.q.Follow || r.w.status().past {
			return entry.Record{}, io.EOF
		}
		if rec, err := r.follow(ctx); rec != nil || err != nil {
			if err != nil {
				return entry.Record{}, err
			}
			return *rec, nil
		}
	}
}

// tellErrors makes events of what went wrong.
func (r *reader) tellErrors() {
	for _, err := range r.w.errors() {
		r.events = append(r.events, r.o.node.eventOf(err))
	}
}

// next returns the first event that is due.
func (r *reader) next() entry.Record {
	r.event = r.events[0]
	r.events = r.events[1:]
	r.o.node.stats.event(r.event.Kind)
	return entry.Record{Event: &r.event}
}

// take returns the entry that the walk came to, and what happened before it. ok is false
// if only events are due.
func (r *reader) take() (rec entry.Record, ok bool) {
	src, w := r.w, r.w.status()
	for _, t := range w.told {
		e := r.o.node.event(t.kind, t.source, t.count, t.message)
		e.Time = src.realtime()
		r.events = append(r.events, e)
	}
	if r.taken++; r.taken%checkEvery == 0 {
		r.tellErrors()
	}
	if !w.wanted {
		return rec, false
	}
	if r.skip > 0 {
		r.skip--
		return rec, false
	}
	if r.left == 0 { // an entry that came meanwhile; before it, what happened after the last one is told
		r.over = true
		return rec, false
	}
	e := &r.rec
	r.cursor = src.fill(e, r.cursor[:0])
	e.Cursor = unsafe.String(unsafe.SliceData(r.cursor), len(r.cursor)) // valid until the next call
	e.Fields = w.fields
	if r.q.Fields != nil {
		w.fields = slices.DeleteFunc(w.fields, func(f entry.Field) bool { return !slices.Contains(r.q.Fields, f.Name) })
		e.Fields = w.fields
	}
	if r.left > 0 && !r.reached {
		r.left--
	}
	r.sent = true
	r.o.node.stats.entries.Add(1)
	r.o.node.stats.bytes.Add(uint64(w.size))
	return entry.Record{Entry: e}, true
}

// leaveRest leaves out what is left of the entries that there were at the beginning.
func (r *reader) leaveRest() {
	r.left = -1
	s := r.snapshot
	if s == nil || r.w.realtime() > s.realtime() {
		return
	}
	r.w.close()
	r.w, r.snapshot = s, nil
}

// Close implements query.LogReader.
func (r *reader) Close() error {
	r.closing.Do(r.close)
	return nil
}

func (r *reader) close() {
	r.end()
	r.busy.Lock()
	defer r.busy.Unlock()
	r.w.close()
	if r.snapshot != nil {
		r.snapshot.close()
	}
	r.o.node.stats.open.Add(-1)
	r.o.node.release()
}

// eitherContext ends with one of two contexts.
type eitherContext struct {
	context.Context
	done context.Context
}

func (c *eitherContext) Err() error {
	if err := c.done.Err(); err != nil {
		return err
	}
	return c.Context.Err()
}
