package recording

import (
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/session/wire"
)

// Joined reads the pieces of a session's recording as one: what two pieces have is returned once,
// and what none of them has is a Gap.
type Joined struct {
	Header Header
	pieces []*Reader
	begun  time.Time
	seen   [wire.Streams]uint64
	held   Event // that follows a gap
	has    bool
	cut    error // a piece ended in the middle
}

// Join joins pieces, which are in the order in which they begin.
func Join(pieces ...*Reader) *Joined {
	j := &Joined{pieces: pieces}
	if len(pieces) > 0 {
		j.Header, j.begun = pieces[0].Header, pieces[0].Begun()
	}
	return j
}

// Begun returns when the first piece began.
func (j *Joined) Begun() time.Time { return j.begun }

// Next returns the next event. The error is io.EOF at the end, and ErrCut if the last piece ends
// in the middle.
func (j *Joined) Next() (Event, error) {
	if j.has {
		j.has = false
		return j.held, nil
	}
	for len(j.pieces) > 0 {
		r := j.pieces[0]
		e, err := r.Next()
		if err == io.EOF || errors.Is(err, ErrCut) {
			if j.cut = nil; err != io.EOF {
				j.cut = err
			}
			j.pieces = j.pieces[1:]
			continue
		}
		if err != nil {
			return e, err
		}
		e.At = max(0, e.At+r.Begun().Sub(j.begun))
		if e.Kind == Output && !j.place(&e) {
			continue
		}
		if j.has { // a gap comes first
			return Event{At: e.At, Kind: Gap, Stream: e.Stream, From: j.seenBefore(&e), To: e.From}, nil
		}
		return e, nil
	}
	if err := j.cut; err != nil {
		j.cut = nil
		return Event{}, err
	}
	return Event{}, io.EOF
}

// place cuts what was returned already off an output, and holds it back if there is a gap before
// it. It returns false if nothing is left.
func (j *Joined) place(e *Event) bool {
	seen := j.seen[e.Stream]
	switch {
	case e.From > seen:
		j.held, j.has = *e, true
		return true
	case e.To <= seen:
		return e.From == e.To && e.Text != "" // of a recording without positions
	case e.From < seen:
		e.Text, e.From = after(e.Text, seen-e.From, j.pieces[0].lines()), seen
	}
	j.seen[e.Stream] = e.To
	return true
}

// after returns a text without some of the program's bytes, of which each LF may be CR LF.
func after(text string, bytes uint64, lines bool) string {
	n := 0
	for ; bytes > 0 && n < len(text); bytes-- {
		if lines && text[n] == '\r' && n+1 < len(text) && text[n+1] == '\n' {
			n++
		}
		n++
	}
	for n < len(text) && !utf8.RuneStart(text[n]) {
		n++
	}
	return text[n:]
}

// seenBefore returns where a gap before an event begins, and notes the event.
func (j *Joined) seenBefore(e *Event) uint64 {
	from := j.seen[e.Stream]
	j.seen[e.Stream] = e.To
	return from
}
