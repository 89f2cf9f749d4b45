package logs

import (
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logdriver"
)

// quiet knows a stretch of the journal without pieces that go on, of one boot: an entry in it
// that is not soon after the piece in front of it ends no line but its own.
type quiet struct {
	r        *journal.Reader // of the pieces
	known    bool
	boot     journal.ID
	from, to uint64 // monotonic times of the pieces at its ends; 0 and the largest one without such
}

// maxForeign bounds how many pieces of other boots are passed over.
const maxForeign = 64

// before reports whether it is known that no piece is so close in front of an entry that it
// may belong to the same line.
func (q *quiet) before(o *opened, c *journal.Cursor, follow bool) bool {
	if !q.known || c.Boot != q.boot || c.Monotonic <= q.from || c.Monotonic >= q.to {
		if q.look(o, c, follow); !q.known {
			return false
		}
	}
	return q.from == 0 || c.Monotonic-q.from > uint64(logdriver.TimeLimit.Microseconds())
}

// look looks for the stretch that an entry is in.
func (q *quiet) look(o *opened, c *journal.Cursor, follow bool) {
	if q.r == nil {
		q.r = o.j.Reader(journal.Equal(logdriver.FieldPartial, "true"))
	}
	q.boot, q.from, q.to, q.known = c.Boot, 0, 1<<64-1, false
	q.r.SeekCursor(*c)
	foreign := 0
	for ; q.r.Previous(); foreign++ {
		if at := q.r.Cursor(); at.Boot == c.Boot {
			q.from = at.Monotonic
			break
		}
		if foreign == maxForeign {
			return
		}
	}
	if foreign > 0 {
		q.r.SeekCursor(*c)
	}
	next := q.r.Next()
	switch at := q.r.Cursor(); {
	case next && at.Boot == c.Boot:
		q.to = at.Monotonic
	case next || follow: // one may be, or may come
		q.to = c.Monotonic + 1
	}
	q.known = q.from <= c.Monotonic
}

func (q *quiet) close() {
	if q.r != nil {
		_ = q.r.Close() // of files that are read only
	}
}
