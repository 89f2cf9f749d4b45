package logs

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logfile"
)

// merged reads the journal and container log files in the order of their times. Within
// one source, entries stay in its own order, so an entry that is older than one before it
// counts as new as that one.
//
// The cursor of an entry is that of its own source, with ";c=" and the id of the
// container for a log file, and ";e=" and the time that it counts as, where that is
// another one than its own. By that time, all other sources go on where they were.
type merged struct {
	none state // before the first step, and at the end
	kids []*kid
	cur  *kid // that has the entry that it is on, nil at the end
	dir  direction
	last int64 // time that the last entry counted as
}

// kid is a source that is merged.
type kid struct {
	source
	key   string // id of the container, "" for the journal, which comes first
	head  bool   // it is on an entry that was not returned yet
	ended bool
	time  int64 // that the entry counts as
}

func (m *merged) status() *state {
	if m.cur == nil {
		return &m.none
	}
	return m.cur.status()
}

func (m *merged) step(ctx context.Context, d direction) (bool, error) {
	if m.dir != d {
		for _, k := range m.kids {
			if k.ended = false; k.head {
				k.head = false
				if _, err := k.step(ctx, d); err != nil { // to the other side of it
					return false, err
				}
			}
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
	if dst = k.fill(e, dst); k.key != "" {
		dst = append(append(dst, ";c="...), k.key...)
	}
	if k.time != k.realtime() {
		dst = strconv.AppendInt(append(dst, ";e="...), k.time, 16)
	}
	return dst
}

func (m *merged) seekCursor(text string, after bool) (*entry.Event, error) {
	own, key, usec, err := cutCursor(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", query.ErrBadCursor, err)
	}
	m.reset()
	var event *entry.Event
	for _, k := range m.kids {
		switch {
		case k.key == key:
			if event, err = k.seekCursor(own, after); err != nil {
				return nil, err
			}
		case k.key < key: // its entries of that very time are before the cursor's
			k.seekTime(usec + 1)
		default:
			k.seekTime(usec)
		}
	}
	return event, nil
}

// cutCursor takes a cursor apart: that of the source, the source's key, and the time that
// the entry counted as.
func cutCursor(text string) (own, key string, usec int64, err error) {
	own, at, hasTime := strings.Cut(text, ";e=")
	own, key, _ = strings.Cut(own, ";c=")
	if logfile.IsCursor(own) {
		c, err := logfile.ParseCursor(own)
		if err != nil {
			return "", "", 0, err
		}
		usec = c.Time() / 1000
	} else {
		c, err := journal.ParseCursor(own)
		if err != nil {
			return "", "", 0, err
		}
		usec = int64(c.Realtime)
	}
	if hasTime {
		usec, err = strconv.ParseInt(at, 16, 64)
	}
	return own, key, usec, err
}

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

func (m *merged) seekHead()           { m.each(source.seekHead) }
func (m *merged) seekEnd()            { m.each(source.seekEnd) }
func (m *merged) tail()               { m.each(source.tail) }
func (m *merged) close()              { m.each(source.close) }
func (m *merged) seekTime(usec int64) { m.each(func(s source) { s.seekTime(usec) }) }

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
