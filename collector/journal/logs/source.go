package logs

import (
	"context"
	"fmt"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/journal"
)

// source is what a reader reads: the journal, or the log file of one container. It stands
// between two entries of a plan, or on one.
type source interface {
	// step goes to the next entry in a direction, and reports whether there is one. Turning
	// around on an entry goes to that entry once more: it stands on the other side of it then.
	step(ctx context.Context, d direction) (bool, error)
	status() *state
	// fill writes the entry that it is on, but for its cursor, which it appends to dst.
	fill(e *entry.Entry, dst []byte) []byte
	// appendPlace appends what seekCursor takes to go behind the entry that it is on, nothing
	// if it is on none.
	appendPlace(dst []byte) []byte
	realtime() int64 // of the entry that it is on, microseconds since 1970
	errors() []error // what went wrong since this was last called

	seekHead()
	seekEnd() // after all entries until the end of the plan
	seekTime(usec int64)
	// seekCursor goes behind the entry of a cursor if after is set, else before it. The
	// event, if there is one, says that the entry is gone.
	seekCursor(text string, after bool) (event *entry.Event, err error)
	tail() // goes after all entries that there are now

	wait(ctx context.Context) error
	close()
}

// state is what a reader has to know of a source after a step.
type state struct {
	p      *plan
	at     direction // where it came from to the entry that it is on; none if it is on none
	past   bool      // it came to an entry after p.until
	paused bool      // it waits in front of an entry: see joined
	count  int       // of entries that were looked at
	wanted bool      // the entry matches; else it is there for told alone
	told   []told    // what this entry tells
	fields []entry.Field
	of     *Identity // whose entry it is
	size   int       // of the fields, in bytes
}

func (s *state) status() *state { return s }

// steps goes over so many entries, back if n is negative. It returns how many there were not.
func steps(ctx context.Context, s source, n int64) (missing int64, err error) {
	d := forward
	if n < 0 {
		d, n = backward, -n
	}
	for ; n > 0; n-- {
		ok, err := s.step(ctx, d)
		if err != nil {
			return n, err
		}
		if !ok {
			return n, nil
		}
		if !s.status().wanted {
			n++ // an event, which is not counted
		}
	}
	return 0, nil
}

func (w *walk) realtime() int64                { return int64(w.r.Realtime()) }
func (w *walk) seekHead()                      { w.r.SeekHead() }
func (w *walk) seekTime(usec int64)            { w.r.SeekRealtime(uint64(usec)) }
func (w *walk) wait(ctx context.Context) error { return w.r.Wait(ctx) }

func (w *walk) seekCursor(text string, after bool) (*entry.Event, error) {
	at, err := journal.ParsePlace(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", query.ErrBadCursor, err)
	}
	if after {
		w.from = at
		w.r.SeekPlace(at)
	} else {
		w.r.SeekCursor(at.Cursor)
	}
	if e, ok := w.o.passed(&at.Cursor); ok {
		return &e, nil
	}
	return nil, nil
}

func (w *walk) appendPlace(dst []byte) []byte {
	if w.r.Realtime() == 0 {
		return dst
	}
	return w.r.AppendPlace(dst)
}

func (w *walk) seekEnd() {
	if w.p.bounded() {
		w.r.SeekRealtime(uint64(w.p.until) + 1)
	} else {
		w.r.SeekTail()
	}
}

func (w *walk) tail() {
	w.seekEnd()
	if w.r.Previous() && w.look() {
		w.at = forward // on the last entry, and behind it
	}
}

func (w *walk) fill(e *entry.Entry, dst []byte) []byte {
	c := w.r.Cursor()
	if w.at == backward { // time says it all: nothing comes
		dst, _ = c.AppendText(dst) // never fails
	} else {
		dst = w.appendPlace(dst)
	}
	e.Realtime, e.Monotonic, e.Boot, e.Origin = int64(c.Realtime), int64(c.Monotonic), c.Boot, w.of.Origin
	return dst
}
