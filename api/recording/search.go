package recording

import (
	"errors"
	"io"
	"strings"
	"time"
)

// Match is a line of a recording that has what was searched for.
type Match struct {
	Session string        `json:"session"`
	Piece   string        `json:"piece"`
	At      time.Duration `json:"at"` // nanoseconds since the piece began
	Time    time.Time     `json:"time"`
	Line    string        `json:"line"`
	Input   bool          `json:"input,omitempty"` // it was typed
}

// maxShown bounds the line of a match.
const maxShown = 512

// Query is what is searched for in the text of recordings.
type Query struct {
	Text       string
	IgnoreCase bool
	Limit      int // matches at most
}

// Search gives each line that matches to found, until Limit. It reports whether the recording
// was read to its end. One that ends in the middle is searched as far as it goes.
func (q *Query) Search(r *Reader, found func(Match)) (whole bool, err error) {
	text := q.Text
	if q.IgnoreCase {
		text = strings.ToLower(text)
	}
	n := 0
	look := func(input bool) func(time.Duration, string) {
		return func(at time.Duration, line string) {
			where := line
			if q.IgnoreCase {
				where = strings.ToLower(line)
			}
			if n >= q.Limit || !strings.Contains(where, text) {
				return
			}
			n++
			i := max(0, min(strings.Index(where, text), len(line))-maxShown/2)
			line = strings.ToValidUTF8(line[i:min(len(line), i+maxShown)], "")
			found(Match{At: at, Time: r.Begun().Add(at), Line: line, Input: input})
		}
	}
	out, in := [3]*Text{nil, NewText(look(false)), NewText(look(false))}, NewText(look(true))
	end := func() {
		out[1].End()
		out[2].End()
		in.End()
	}
	for n < q.Limit {
		e, err := r.Next()
		if err == io.EOF || errors.Is(err, ErrCut) {
			end()
			return true, nil
		}
		if err != nil {
			return false, err
		}
		switch e.Kind {
		case Output:
			out[e.Stream].Write(e.At, e.Text)
		case Input:
			in.Write(e.At, e.Text)
		}
	}
	return false, nil
}
