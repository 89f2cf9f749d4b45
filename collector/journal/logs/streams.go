package logs

import (
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logdriver"
)

// streams knows, while a journal is read forward, of which streams the last entry is a piece
// that the next entry may go on with: all others need no look back.
type streams struct {
	open    map[string]bool
	last    journal.Cursor // of the last entry that opened one
	key     []byte
	begun   bool
	from    journal.Cursor // of the first entry
	settled bool           // open has all streams in question; else only those that it has are known
}

// maxStreams bounds open.
const maxStreams = 4096

// reset forgets everything: reading goes on elsewhere, perhaps before the first entry of all.
func (s *streams) reset(head bool) {
	clear(s.open)
	s.begun, s.settled = head, head
}

// none reports whether there is no such stream.
func (s *streams) none() bool { return s.settled && len(s.open) == 0 }

// over reports whether nothing that comes after an entry can go on with one. Entries of several
// boots may be interleaved, and times go back.
func over(from, c *journal.Cursor) bool {
	const minute = 60_000_000
	return c.Boot == from.Boot && c.Monotonic > from.Monotonic && !logdriver.InTime(from, c) ||
		c.Boot != from.Boot && c.Realtime > from.Realtime+minute
}

// pass takes note of an entry of any stream.
func (s *streams) pass(c *journal.Cursor) {
	if s.settled && len(s.open) > 0 && over(&s.last, c) {
		clear(s.open)
	}
}

// add takes the next entry, and reports whether it is known that the one before in its stream
// is no such piece.
func (s *streams) add(p *logdriver.Piece, c *journal.Cursor) (alone bool) {
	if len(s.open) >= maxStreams {
		s.reset(false)
	}
	switch {
	case s.settled:
	case !s.begun:
		s.begun, s.from = true, *c
	case over(&s.from, c):
		s.settled = true
		for key, open := range s.open {
			if !open {
				delete(s.open, key)
			}
		}
	}
	s.key = p.AppendStream(s.key[:0])
	open, known := s.open[string(s.key)]
	switch {
	case p.Opens():
		s.set(true)
		s.last = *c
	case !s.settled && !known || open && !s.settled:
		s.set(false)
	case open:
		delete(s.open, string(s.key))
	}
	return !open && (known || s.settled)
}

func (s *streams) set(open bool) {
	if s.open == nil {
		s.open = map[string]bool{}
	}
	s.open[string(s.key)] = open
}
