package logs

import (
	"errors"
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logdriver"
	"github.com/daytwo/daytwo/collector/journal/logfile"
)

// event makes an event of this node that happened now.
func (n *Node) event(kind entry.Kind, source string, count uint64, message string) entry.Event {
	return entry.Event{Kind: kind, Time: time.Now().UnixMicro(), Agent: n.o.Agent,
		Source: source, Count: count, Message: message}
}

// eventOf makes the event for an error of the journal.
func (n *Node) eventOf(err error) entry.Event {
	var lost *journal.LostError
	var file *journal.FileError
	var missing *journal.GapError
	var gone *logfile.LostError
	var log *logfile.FileError
	var bad *logfile.BadError
	var cut *logfile.CutError
	var pieces *logdriver.LostError
	switch {
	case errors.As(err, &gone):
		return n.event(entry.Truncated, gone.Path, 0, gone.Error())
	case errors.As(err, &log):
		return n.event(entry.Unreadable, log.Path, 0, log.Error())
	case errors.As(err, &bad):
		return n.event(entry.Unreadable, bad.Path, 0, bad.Error())
	case errors.As(err, &cut):
		return n.event(entry.PartialLost, cut.Path, 0, cut.Error())
	case errors.As(err, &pieces):
		return n.event(entry.PartialLost, pieces.Container, 0, pieces.Error())
	case errors.As(err, &lost):
		return n.event(entry.Vacuumed, lost.Path, lost.Entries, lost.Error())
	case errors.As(err, &file):
		return n.event(entry.Unreadable, file.Path, file.Entries, file.Error())
	case errors.As(err, &missing):
		return n.event(entry.Gap, missing.Dir, missing.Entries, missing.Error())
	}
	return n.event(entry.Unreadable, "", 0, err.Error())
}

// maxBad bounds how many unreadable files a query names one by one.
const maxBad = 20

// bad returns the events for files that are not read at all.
func (o *opened) bad() (events []entry.Event) {
	all := o.j.Bad()
	for _, err := range all[:min(len(all), maxBad)] {
		events = append(events, o.node.eventOf(err))
	}
	if rest := len(all) - maxBad; rest > 0 {
		message := fmt.Sprintf("%d more journal files cannot be read", rest)
		events = append(events, o.node.event(entry.Unreadable, "", 0, message))
	}
	return events
}

// passed makes the event for a cursor whose entry is gone, together with entries after
// it. ok is false if nothing is missing.
func (o *opened) passed(c *journal.Cursor) (e entry.Event, ok bool) {
	if !c.Whole() {
		return e, false
	}
	r := o.j.Reader(journal.Match{})
	defer r.Close()
	r.SeekCursor(*c)
	const sameTime = 64 // entries of one microsecond, at most
	count := uint64(0)
	for range sameTime {
		if !r.Next() {
			break
		}
		next := r.Cursor()
		if next.SameEntry(c) {
			return e, false
		}
		if next.Realtime != c.Realtime {
			if next.SeqnumID == c.SeqnumID && next.Seqnum > c.Seqnum {
				if count = next.Seqnum - c.Seqnum - 1; count == 0 {
					return e, false
				}
			}
			break
		}
	}
	message := "the entry of the cursor is gone, and perhaps entries after it"
	if count > 0 {
		message = fmt.Sprintf("the entry of the cursor is gone, and up to %d entries after it", count)
	}
	return o.node.event(entry.Vacuumed, "", count, message), true
}
