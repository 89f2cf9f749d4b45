package logs

import (
	"context"
	"math"
	"strconv"
	"time"
	"unsafe"

	"github.com/daytwo/daytwo/api/entry"
)

// merged reads the journal and container log files in the order of their times. Within
// one source, entries stay in its own order, so an entry that is older than one before it
// counts as new as that one.
//
// By the time that the entry of a cursor counts as, all other sources go on where they
// were; those in which entries may come late have their places in it.
type merged struct {
	none state // before the first step, and at the end
	kids []*kid
	cur  *kid // that has the entry that it is on, nil at the end
	dir  direction
	last int64 // time that the last entry counted as
	from int64 // an entry of a source of which none was returned comes only if it is not older

	listed []*kid
	rest   []byte
}

// kid is a source that is merged.
type kid struct {
	source
	key   string // id of the container, "" for the journal, which comes first
	head  bool   // it is on an entry that was not returned yet
	ended bool
	time  int64 // that the entry counts as
	place kidPlace
}

func (m *merged) status() *state {
	if m.cur == nil {
		return &m.none
	}
	return m.cur.status()
}

func (m *merged) step(ctx context.Context, d direction) (bool, error) {
	m.keepPlace()
	if m.dir != d {
		from := m.from
		if m.dir == backward && m.last != math.MaxInt64 {
			from = m.last
		}
		turned := m.dir == backward
		if turned || d == backward {
			m.forget(from)
		}
		for _, k := range m.kids {
			switch {
			case k.head:
				k.head = false
				if _, err := k.step(ctx, d); err != nil { // to the other side of it
					return false, err
				}
				if turned {
					k.begin(from)
				}
			case turned && k.ended:
				k.place.text, k.place.time = append(k.place.text, atHead...), from
			}
			k.ended = false
		}
		if m.dir, m.last = d, 0; d == backward {
			m.last = math.MaxInt64
		}
	}
	m.cur = nil
	m.none.past, m.none.paused = true, false
	wait := int64(math.MaxInt64) // of the entry in front of which a kid waits
	for _, k := range m.kids {
		if !k.head && !k.ended {
			ok, err := k.step(ctx, d)
			if err != nil {
				return false, err
			}
			k.head, k.ended = ok, !ok
		}
		m.none.past = m.none.past && k.status().past
		if !k.head {
			if k.status().paused {
				m.none.paused, wait = true, min(wait, max(k.realtime(), m.last))
			}
			continue
		}
		if k.time = k.realtime(); d == forward {
			k.time = max(k.time, m.last)
		} else {
			k.time = min(k.time, m.last)
		}
		// Of two entries of one time, that of the kid with the smaller key is the first one.
		if m.cur == nil || d == forward && k.time < m.cur.time || d == backward && k.time >= m.cur.time {
			m.cur = k
		}
	}
	if m.cur == nil || m.cur.time >= wait {
		m.cur = nil
		return false, nil
	}
	m.cur.head, m.last = false, m.cur.time
	return true, nil
}

func (m *merged) fill(e *entry.Entry, dst []byte) []byte {
	k := m.cur
	dst = k.fill(e, dst)
	rest := ""
	if id := entry.CursorID(unsafe.String(unsafe.SliceData(dst), len(dst))); len(id) < len(dst) {
		m.rest = append(m.rest[:0], dst[len(id)+len(entry.CursorRest):]...)
		rest, dst = unsafe.String(unsafe.SliceData(m.rest), len(m.rest)), dst[:len(id)]
	}
	if k.key != "" {
		dst = append(append(dst, ";c="...), k.key...)
	}
	n := len(dst)
	dst = append(append(dst, entry.CursorRest...), rest...)
	bare := len(dst)
	if k.time != k.realtime() {
		dst = strconv.AppendInt(append(dst, ";e="...), k.time, 16)
	}
	if dst = m.appendPlaces(dst); len(dst) == bare && rest == "" {
		return dst[:n]
	}
	return dst
}

// appendPlace appends the place of the entry that a merged source is on. Nobody asks.
func (m *merged) appendPlace(dst []byte) []byte { return dst }

func (m *merged) reset() {
	for _, k := range m.kids {
		k.head, k.ended = false, false
	}
	m.cur, m.dir = nil, none
}

func (m *merged) each(fn func(s source)) {
	m.reset()
	for _, k := range m.kids {
		fn(k.source)
	}
}

func (m *merged) seekHead() { m.seek(0, source.seekHead) }
func (m *merged) seekEnd()  { m.seek(time.Now().UnixMicro(), source.seekEnd) }

func (m *merged) tail() {
	now := time.Now().UnixMicro()
	m.seek(now, source.tail)
	for _, k := range m.kids {
		k.begin(now)
	}
}
func (m *merged) close() { m.each(source.close) }

func (m *merged) seekTime(usec int64) { m.seek(usec, func(s source) { s.seekTime(usec) }) }

func (m *merged) seek(from int64, fn func(s source)) {
	m.each(fn)
	m.forget(from)
}

// realtime is the time of the newest entry that any source is on, before the first step
// and at the end.
func (m *merged) realtime() (usec int64) {
	if m.cur != nil {
		return m.cur.realtime()
	}
	for _, k := range m.kids {
		usec = max(usec, k.realtime())
	}
	return usec
}

func (m *merged) errors() (all []error) {
	for _, k := range m.kids {
		all = append(all, k.errors()...)
	}
	return all
}

// wait waits until one of the sources has something.
func (m *merged) wait(ctx context.Context) error {
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, len(m.kids))
	waits := 0
	for _, k := range m.kids {
		if !m.none.paused || k.status().paused { // what others have comes behind
			waits++
			go func() { results <- k.wait(wait) }()
		}
	}
	var err error
	some := false
	for range waits {
		if e := <-results; e == nil {
			some = true
			cancel()
		} else if err == nil {
			err = e
		}
	}
	for _, k := range m.kids {
		k.ended = false
	}
	if some {
		return nil
	}
	return err
}
