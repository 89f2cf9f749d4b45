package logs

import (
	"context"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logdriver"
)

// joined reads the journal by lines: the pieces into which the logging drivers of containers
// cut long ones count as one entry. See package logdriver for which entry that is.
//
// An entry without marks is looked at once, like all others, unless the one before in its
// stream may be a piece.
type joined struct {
	*walk
	joiner  *logdriver.Joiner
	piece   logdriver.Piece
	pieces  bool // the journal has some
	all     bool // the plan selects all entries of a stream, or none
	text    bool // the plan asks for a text
	judged  bool // the entry that the walk is on
	streams streams
	quiet   quiet
	hold    hold
	near    map[side]*walk
	key     []byte
	told    journal.Cursor // of the last line of which pieces are missing
}

// journal makes the source of the entries of a plan in the journal.
func (o *opened) journal(p *plan) source {
	pieces := o.pieces()
	if !pieces && !p.follow {
		return o.walk(p)
	}
	j := &joined{walk: o.walk(p), pieces: pieces, all: p.asked.bySender(), text: p.asked.has("MESSAGE"),
		near: map[side]*walk{}}
	j.joiner = logdriver.NewJoiner(j.around)
	return j
}

// pieces reports whether the journal has any pieces of lines, as of the last view.
func (o *opened) pieces() bool {
	o.catalog.mu.Lock()
	defer o.catalog.mu.Unlock()
	return o.catalog.pieces
}

// goOn makes the source of another plan, where one that follows stands, or at a time before
// that for what only the new plan selects. If it has read nothing yet, the new one begins at
// another time.
func (o *opened) goOn(old *joined, p *plan, since, lateSince int64) *joined {
	j := o.journal(p).(*joined)
	j.from = old.from
	c := old.r.Cursor()
	if c.Realtime == 0 { // it has read nothing yet
		c = old.from.Cursor
	}
	switch {
	case int64(c.Realtime) > lateSince:
		j.seekTime(lateSince)
		j.late = &late{until: c, with: old.paused, before: old.p}
	case old.paused:
		j.r.SeekCursor(c)
	case old.r.Realtime() == 0 && c.Realtime > 0:
		j.r.SeekPlace(old.from)
	case c.Realtime > 0:
		at, _ := journal.ParsePlace(string(old.appendPlace(nil))) // its own
		j.r.SeekPlace(at)
	default:
		j.seekTime(since)
	}
	if old.paused {
		j.hold = old.hold
	}
	j.joiner.GivenBy(old.joiner)
	old.close()
	return j
}

func (j *joined) step(ctx context.Context, d direction) (bool, error) {
	if d == backward {
		j.streams.reset(false)
	}
	// Pieces that come while it follows may be the journal's first ones. Backward there is
	// only what there was.
	j.lines = j.pieces || j.p.follow && d == forward
	j.paused = false
	for {
		late := j.late != nil
		j.quick = d == forward && j.all && j.streams.none() && !late
		again := j.judged && j.at != none && j.at != d
		ok, err := j.walk.step(ctx, d)
		if !ok || err != nil {
			return false, err
		}
		if again {
			return true, nil
		}
		if late && j.late == nil {
			j.streams.reset(false) // others were passed
		}
		j.judged = false
		shows, err := j.judge(ctx, d)
		if err != nil || j.paused {
			j.at = backward // in front of it
			return false, err
		}
		if shows {
			j.judged = true
			return true, nil
		}
	}
}

// judge reports whether the entry that the walk is on is to be shown, and joins its line. It
// sets paused if that is not known yet.
func (j *joined) judge(ctx context.Context, d direction) (shows bool, err error) {
	w, p := j.walk, &j.piece
	marked := w.origins.piece
	if len(j.streams.open) > 0 {
		c := w.r.Cursor()
		j.streams.pass(&c)
	}
	if !w.byFields || !w.wanted || !marked && !(j.pieces && w.origins.full) ||
		!marked && d == forward && j.all && j.streams.none() {
		return j.matches(), nil
	}
	j.pieces, j.lines = true, true
	c := w.r.Cursor()
	if p.Read(w.fields); p.Whole() {
		return j.matches(), nil
	}
	v, err := j.joiner.Judge(ctx, p, &c)
	if err != nil {
		return false, err
	}
	if v == logdriver.Unknown && j.p.follow {
		if d == backward {
			return false, nil // it is still to come
		}
		if j.paused = j.hold.holds(j.o.node, p, &c); j.paused {
			return false, nil
		}
		j.joiner.Give(&c)
	}
	alone := false
	if d == forward && j.all {
		if !j.streams.begun {
			j.streams.reset(j.quiet.before(j.o, &c, j.p.follow))
		}
		alone = j.streams.add(p, &c)
	}
	if v == logdriver.Goes {
		return false, nil
	}
	if marked || !alone && !j.quiet.before(j.o, &c, j.p.follow) {
		if err := j.join(ctx, &c); err != nil {
			return false, err
		}
	}
	return j.matches(), nil
}

// join puts the line that ends with the entry of the walk into its place.
func (j *joined) join(ctx context.Context, c *journal.Cursor) error {
	fields, lost, err := j.joiner.Line(ctx, &j.piece, c, j.fields)
	if err != nil {
		return err
	}
	j.fields, j.size = fields, 0
	for i := range fields {
		j.size += len(fields[i].Name) + 1 + len(fields[i].Value)
	}
	if lost != nil && !j.told.SameEntry(c) {
		j.told = *c
		j.fail(lost)
	}
	return nil
}

// matches applies what has to see the whole line, and reports whether to show the entry.
func (j *joined) matches() bool {
	w := j.walk
	if j.text && w.wanted { // the index has looked at the last piece
		w.wanted = w.p.asked.match(w.fields, &w.of.Origin)
	}
	if w.lines && w.wanted && w.p.grep != nil {
		w.wanted = w.grepped()
	}
	return w.wanted || len(w.told) > 0
}

func (j *joined) close() {
	j.closeNear()
	j.quiet.close()
	j.walk.close()
}

func (j *joined) seekHead()           { j.moved(true); j.walk.seekHead() }
func (j *joined) seekEnd()            { j.moved(false); j.walk.seekEnd() }
func (j *joined) seekTime(usec int64) { j.moved(false); j.walk.seekTime(usec) }
func (j *joined) tail()               { j.moved(false); j.walk.tail() }

func (j *joined) seekCursor(text string, after bool) (*entry.Event, error) {
	j.moved(false)
	return j.walk.seekCursor(text, after)
}

func (j *joined) moved(head bool) {
	j.streams.reset(head)
	j.judged, j.paused, j.hold = false, false, hold{}
}

// wait waits for entries, or for the next piece of a line.
func (j *joined) wait(ctx context.Context) error {
	if !j.paused {
		return j.walk.wait(ctx)
	}
	until, cancel := context.WithDeadline(ctx, j.hold.until(j.o.node))
	defer cancel()
	err := j.beside(&j.hold.piece, false).r.Wait(until)
	if ctx.Err() == nil && until.Err() != nil {
		return nil
	}
	return err
}

// hold is a piece in front of which a reader that follows waits for the next one.
type hold struct {
	at    journal.Cursor
	piece logdriver.Piece
	since time.Time // by the reader's clock, which goes on whatever happens to the time of day
}

// waitMore is how much longer than the time limit a piece is waited for: journald notes the
// time of an entry a little before it can be read.
const waitMore = 100 * time.Millisecond

// until returns how long to wait. A container that has ended writes no more.
func (h *hold) until(n *Node) time.Time {
	if i, lives := n.o.Identities.ofContainer(h.piece.Container()); i != nil && !lives {
		return h.since.Add(endAfter / 2)
	}
	return h.since.Add(logdriver.TimeLimit + waitMore)
}

// holds reports whether to wait in front of a piece.
func (h *hold) holds(n *Node, p *logdriver.Piece, c *journal.Cursor) bool {
	if h.since.IsZero() || !h.at.SameEntry(c) {
		if age(c) > logdriver.TimeLimit+waitMore {
			return false
		}
		*h = hold{at: *c, piece: p.Clone(), since: time.Now()}
	}
	return time.Now().Before(h.until(n))
}
