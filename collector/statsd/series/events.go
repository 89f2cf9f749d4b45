package series

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Limits on the events of one tick, over all senders.
const (
	mostEvents     = 256
	mostEventBytes = 64 << 10
)

// events are the events since the last flush, and the table that the last flush made.
type events struct {
	mu      sync.Mutex
	pending []pendingEvent
	bytes   int
	shares  map[uint32]share // by origin

	gen    uint64
	lastID uint64
	rows   []*frame.Row
	vals   []int64
}

// share is the number and the bytes of one sender's pending events.
type share struct{ n, bytes int }

// room makes room for an event. If there is none, it drops an event of a sender that has
// more than its fair share. If that is the new event's own sender, room returns false
// and the new event is dropped. Dropped events are counted. The caller holds events.mu.
func (w *Worker) room(origin uint32, size int) bool {
	q := &w.s.events
	for {
		few, small := len(q.pending) < mostEvents, q.bytes+size <= mostEventBytes
		if few && small {
			return true
		}
		own, known := q.shares[origin]
		senders := len(q.shares)
		if !known {
			senders++
		}
		n, bytes := mostEvents/senders, mostEventBytes/senders
		if !few && own.n >= n || !small && own.bytes+size > bytes {
			w.of(origin)[metric.StatsdEventsDropped]++
			return false
		}
		// The other senders together exceed their fair shares, so at least one of them
		// does.
		i := len(q.pending) - 1
		for ; i > 0; i-- {
			if s := q.shares[q.pending[i].origin]; !few && s.n > n || !small && s.bytes > bytes {
				break
			}
		}
		w.of(q.pending[i].origin)[metric.StatsdEventsDropped]++
		q.remove(i)
	}
}

func (q *events) push(e pendingEvent) {
	if q.shares == nil {
		q.shares = map[uint32]share{}
	}
	s := q.shares[e.origin]
	q.shares[e.origin] = share{s.n + 1, s.bytes + e.size}
	q.bytes += e.size
	q.pending = append(q.pending, e)
}

func (q *events) remove(i int) {
	e := &q.pending[i]
	s := q.shares[e.origin]
	q.shares[e.origin] = share{s.n - 1, s.bytes - e.size}
	q.bytes -= e.size
	copy(q.pending[i:], q.pending[i+1:])
	last := len(q.pending) - 1
	q.pending[last] = pendingEvent{}
	q.pending = q.pending[:last]
}

// any reports whether an event of an origin is pending.
func (q *events) any(origin uint32) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.shares[origin].n > 0
}

// Waiting reports whether there are events for the next Flush.
func (s *Store) Waiting() bool {
	q := &s.events
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending) > 0
}

// showEvents makes rows of the pending events. An event of a sender that is not known
// yet waits for one more tick, unless the sender is about to be forgotten.
func (s *Store) showEvents(expired []bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &s.events
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.rows)
	q.rows, q.vals = q.rows[:0], q.vals[:0]
	if len(q.pending) == 0 {
		return
	}
	came := q.pending
	q.pending, q.bytes = q.pending[:0], 0
	clear(q.shares)
	for _, e := range came {
		if s.waits(&e, expired) {
			e.waited = true
			q.push(e)
			continue
		}
		q.lastID++
		row := &frame.Row{ID: q.lastID, Parent: s.of(e.origin).parent, Key: e.title, Labels: e.labels}
		if row.Parent == 0 {
			row.Labels = merge(e.labels, s.eventOrigin(e.origin))
		}
		q.rows, q.vals = append(q.rows, row), append(q.vals, shown(e.time, s.skew))
	}
	clear(came[len(q.pending):])
	q.gen++
}

// eventOrigin returns the labels of a sender without a row: those that are known, or
// else its cgroup. The cgroup may have ended before any tick saw it.
func (s *Store) eventOrigin(origin uint32) []frame.Label {
	if ls := s.identity(origin); len(ls) > 0 || origin == 0 {
		return ls
	}
	if key := s.key(origin); strings.HasPrefix(key, "/") && utf8.ValidString(key) {
		return []frame.Label{{Name: "cgroup", Value: key}}
	}
	return nil
}

func (s *Store) waits(e *pendingEvent, expired []bool) bool {
	return e.origin != 0 && !e.waited && s.o.Named != nil && !s.o.Named(e.origin) &&
		!(int(e.origin) < len(expired) && expired[e.origin])
}

// Events returns the Event table of the last Flush, with one row for each event since
// the Flush before. It is valid until the next Flush.
func (s *Store) Events() frame.Table {
	q := &s.events
	return frame.Table{Kind: metric.Event, Gen: q.gen, Rows: q.rows, Vals: q.vals}
}
