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
	"github.com/daytwo/daytwo/collector/journal"
)

// reader carries out one query.
type reader struct {
	o    *opened
	q    query.LogQuery
	mu   sync.Mutex // held while w is exchanged or closed
	w    *walk
	done context.Context // ends with Close
	end  context.CancelFunc

	left     int64 // entries that may still come; -1: no bound
	snapshot *walk // after what there was at the beginning, if Limit bounds that alone
	reached  bool  // the end of what there is
	sent     bool  // an entry was returned
	planned  time.Time
	quiet    time.Time // since when nothing came
	alive    time.Time // of the last record
	over     bool

	rec    entry.Entry
	cursor []byte
	event  entry.Event
	events []entry.Event // to be returned before anything else
}

// Entries implements query.Logs.
func (n *Node) Entries(ctx context.Context, q *query.LogQuery) (query.LogReader, error) {
	o, p, err := n.plan(q)
	if err != nil {
		return nil, err
	}
	r := &reader{o: o, q: *q, w: o.walk(p), left: -1, planned: time.Now(), events: o.bad()}
	r.done, r.end = context.WithCancel(context.Background())
	if q.Limit > 0 {
		r.left = q.Limit
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
		r.snapshot = r.o.walk(w.p)
		r.snapshot.tail()
	}
	switch {
	case q.Cursor != "":
		c, err := journal.ParseCursor(q.Cursor)
		if err != nil {
			return fmt.Errorf("%w: %w", query.ErrBadCursor, err)
		}
		if q.Reverse {
			w.r.SeekCursor(c)
		} else {
			w.r.SeekAfter(c)
		}
		if e, ok := r.o.passed(&c); ok {
			r.events = append(r.events, e)
		}
	case q.Reverse || q.Tail:
		w.seekEnd()
	case q.Since > 0:
		w.r.SeekRealtime(uint64(q.Since))
	default:
		w.r.SeekHead()
	}
	if q.Tail && q.Cursor == "" {
		if q.Limit == 0 {
			w.tail()
		}
		if err := w.steps(ctx, -q.Limit); err != nil {
			return err
		}
	}
	if err := w.steps(ctx, q.Skip); err != nil {
		return err
	}
	if w.p.waits {
		r.wait()
	}
	return nil
}

// wait says that nothing matches yet.
func (r *reader) wait() {
	r.events = append(r.events, r.o.node.event(entry.Waiting, "", 0, "nothing matches yet: waiting for the first entry"))
}

// seekEnd goes after all entries until the end of the query.
func (w *walk) seekEnd() {
	if w.p.bounded() {
		w.r.SeekRealtime(uint64(w.p.until) + 1)
	} else {
		w.r.SeekTail()
	}
}

// tail goes after all entries that there are now.
func (w *walk) tail() {
	w.seekEnd()
	if w.r.Previous() && w.look() {
		w.at = forward // on the last entry, and behind it
	}
}

// steps goes over so many entries, back if n is negative.
func (w *walk) steps(ctx context.Context, n int64) error {
	d := forward
	if n < 0 {
		d, n = backward, -n
	}
	for ; n > 0; n-- {
		ok, err := w.step(ctx, d)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		if !w.wanted {
			n++ // an event, which is not counted
		}
	}
	return nil
}

// Next implements query.LogReader.
func (r *reader) Next(ctx context.Context) (entry.Record, error) {
	d := forward
	if r.q.Reverse {
		d = backward
	}
	r.alive = time.Now()
	for {
		if len(r.events) > 0 {
			return r.next(), nil
		}
		if r.over || r.done.Err() != nil || r.left == 0 && !r.q.Follow && !r.q.Tail {
			return entry.Record{}, io.EOF
		}
		if r.left == 0 && r.q.Follow {
			r.leaveRest()
		}
		ok, err := r.w.step(ctx, d)
		if err != nil {
			return entry.Record{}, err
		}
		if ok {
			if rec, ok := r.take(); ok {
				return rec, nil
			}
			continue
		}
		for _, err := range r.w.errors() {
			r.events = append(r.events, r.o.node.eventOf(err))
		}
		if len(r.events) > 0 {
			continue
		}
		if !r.q.Follow || r.w.past {
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
	w := r.w
	if w.dropped > 0 {
		e := r.o.node.event(entry.Suppressed, w.whose, w.dropped,
			fmt.Sprintf("the rate limit of journald suppressed %d entries of %s", w.dropped, w.whose))
		e.Time = int64(w.r.Realtime())
		r.events = append(r.events, e)
	}
	if len(w.errs) > 0 || w.count%checkEvery == 0 {
		for _, err := range w.errors() {
			r.events = append(r.events, r.o.node.eventOf(err))
		}
	}
	if !w.wanted {
		return rec, false
	}
	if r.left == 0 { // an entry that came meanwhile; before it, what happened after the last one is told
		r.over = true
		return rec, false
	}
	c := w.r.Cursor()
	r.cursor, _ = c.AppendText(r.cursor[:0])
	e := &r.rec
	e.Cursor = unsafe.String(unsafe.SliceData(r.cursor), len(r.cursor)) // valid until the next call
	e.Realtime, e.Monotonic, e.Boot, e.Origin = int64(c.Realtime), int64(c.Monotonic), c.Boot, w.of.Origin
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
	r.o.node.stats.bytes.Add(uint64(len(w.buf)))
	return entry.Record{Entry: e}, true
}

// leaveRest leaves out what is left of the entries that there were at the beginning.
func (r *reader) leaveRest() {
	r.left = -1
	s := r.snapshot
	if s == nil || r.w.r.Realtime() > s.r.Realtime() {
		return
	}
	r.swap(s)
}

// Close implements query.LogReader.
func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done.Err() != nil {
		return nil
	}
	r.end()
	r.w.close()
	if r.snapshot != nil {
		r.snapshot.close()
	}
	r.o.node.stats.open.Add(-1)
	r.o.node.release()
	return nil
}
