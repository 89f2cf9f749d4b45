package series

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Bounds of the events of one tick, of all senders together.
const (
	mostEvents     = 256
	mostEventBytes = 64 << 10
)

// events are those that came since the last flush, and the table of that one.
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

// share is what one sender takes of the room.
type share struct{ n, bytes int }

// room makes room for an event. Where there is none, an event of a sender that
// has more than its fair share of it goes, which may be the new one: then it
// returns false. What goes is counted. events.mu is held.
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
		// The others together have more than as many fair shares: one of them has.
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

// any reports whether an event of an origin waits.
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

// showEvents makes rows of what came. An event whose sender is not known yet
// waits for one tick, unless the sender is about to be forgotten.
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

// eventOrigin is what is known of a sender without a row: its labels, else its
// cgroup, which may be gone without ever having been in a tick.
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

// Events is the table of kind Event of the last Flush: a row each event that came
// since the one before. It is good until the next Flush.
func (s *Store) Events() frame.Table {
	q := &s.events
	return frame.Table{Kind: metric.Event, Gen: q.gen, Rows: q.rows, Vals: q.vals}
}
