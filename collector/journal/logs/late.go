package logs

import (
	"time"

	"github.com/daytwo/daytwo/collector/journal"
)

// late lets a walk that follows read entries again that were passed while nobody knew yet
// that the query selects them: those of a container, task or unit that has come since the
// names were looked at last. They come after entries that are newer; those of one writer
// stay in order.
type late struct {
	until  journal.Cursor // the entry that was read last
	with   bool           // and not returned yet
	before *plan          // what it selects was returned
}

// lateFor is for how long before the names were looked at an entry may be of a name that was
// not known then: a runtime tells of a container some time after its first line.
const lateFor = 10 * time.Second

// passes reports whether the entry that a walk is on is to be returned. done says that the
// entry is where reading goes on as usual, or beyond it.
func (l *late) passes(w *walk) (pass, done bool) {
	c := w.r.Cursor()
	beyond := c.Realtime > l.until.Realtime
	if c.SeqnumID == l.until.SeqnumID {
		beyond = c.Seqnum > l.until.Seqnum
	}
	switch {
	case c.SameEntry(&l.until):
		return l.with, true
	case beyond: // that entry was deleted
		return true, true
	}
	w.told = w.told[:0] // that was told
	return w.wanted && !(l.before.match.Of(w.fields) && l.before.accepts(w.fields, w.of)), false
}
