package logdriver

import (
	"context"
	"slices"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/journal"
)

// Around returns the entry of a piece's container that is next to the one of a cursor, in a
// direction, among those that its driver wrote, of any stream. ok is false if there is none. The fields are
// valid until the next call.
type Around func(ctx context.Context, p *Piece, c *journal.Cursor, back bool) (
	fields []entry.Field, at journal.Cursor, ok bool, err error)

// Joiner says which entries are lines, and joins their pieces. It is not safe for concurrent
// use.
type Joiner struct {
	around  Around
	next    Piece
	pieces  [2]Piece
	text    tail
	given   []journal.Cursor
	counted map[string]counted
	key     []byte
}

// NewJoiner makes a Joiner of a way to look around.
func NewJoiner(around Around) *Joiner { return &Joiner{around: around, counted: map[string]counted{}} }

// Verdict is what becomes of an entry.
type Verdict uint8

// Verdicts.
const (
	Ends    Verdict = iota // it is a line, or what there is of one ends with it
	Goes                   // its line goes on with another piece
	Unknown                // its line may go on, and nothing of its stream has come since
)

// Judge says what becomes of the entry of a cursor.
func (j *Joiner) Judge(ctx context.Context, p *Piece, c *journal.Cursor) (Verdict, error) {
	if !p.Opens() {
		return Ends, nil
	}
	n, err := j.beside(ctx, p, c, false, &j.next)
	switch {
	case err != nil:
		return Unknown, err
	case n.reach == end:
		if p.short {
			return Ends, nil
		}
		return Unknown, nil
	case n.reach == far || !p.sameLine(&j.next):
		return Ends, nil
	}
	if parted, err := j.parted(ctx, p, c, &j.next, &n.at); parted || err != nil {
		return Ends, err
	}
	return Goes, nil
}

// reach is how a look for another entry ended.
type reach uint8

const (
	end reach = iota // there is none
	far              // there is none within the TimeLimit
	found
)

type neighbour struct {
	reach  reach
	fields []entry.Field
	at     journal.Cursor
}

// beside looks for the entry of the stream of a piece next to it, and reads it.
func (j *Joiner) beside(
	ctx context.Context, p *Piece, c *journal.Cursor, back bool, into *Piece,
) (n neighbour, err error) {
	n.at = *c
	for {
		var ok bool
		if n.fields, n.at, ok, err = j.around(ctx, p, &n.at, back); !ok || err != nil {
			return n, err
		}
		if !InTime(c, &n.at) {
			n.reach = far
			return n, nil
		}
		if into.Read(n.fields); into.sameStream(p) {
			n.reach = found
			return n, nil
		}
	}
}

// Give says that a line which may still go on was shown up to a piece. What comes of it is
// shown by itself.
func (j *Joiner) Give(c *journal.Cursor) {
	if len(j.given) == maxGiven {
		j.given = slices.Delete(j.given, 0, 1)
	}
	j.given = append(j.given, *c)
}

const maxGiven = 64

func (j *Joiner) isGiven(c *journal.Cursor) bool {
	return slices.ContainsFunc(j.given, func(g journal.Cursor) bool { return g.SameEntry(c) })
}

// GivenBy takes over what another Joiner was told to have been given.
func (j *Joiner) GivenBy(o *Joiner) { j.given = slices.Clone(o.given) }

// Line returns the fields of the line that ends with the entry of a cursor, given its
// fields, which it changes, and which pieces are missing, if any. The text is valid until the
// next call.
func (j *Joiner) Line(ctx context.Context, p *Piece, c *journal.Cursor, fields []entry.Field) (
	[]entry.Field, *LostError, error) {
	text := &fields[p.message].Value
	if p.driver == &conmon && p.last {
		TrimNewline(fields)
	}
	j.text.reset()
	var lost *LostError
	first, at := p, *c
	whole, begun, counts, one := p.last || p.short, true, false, true
	known, behind := j.lastCount(p), -1 // behind: how many pieces the one that is counted is behind w
	if known.is(c) {
		behind = 0
	}
	for {
		w := &j.pieces[0]
		if first == w {
			w = &j.pieces[1]
		}
		n, err := j.beside(ctx, first, &at, true, w)
		if err != nil {
			return fields, nil, err
		}
		if n.reach != found || !w.sameLine(first) {
			begun = first.ordinal == 1
			if !begun && first.form == withID && lost == nil {
				if lost, err = j.missing(ctx, first, &at, w); err != nil {
					return fields, nil, err
				}
			}
			break
		}
		if behind >= 0 {
			behind++
		} else if known.is(&n.at) {
			behind = 0
		}
		if j.isGiven(&n.at) || first.driver.alone(w, first) {
			begun = false
			break
		}
		if one {
			j.text.prepend(*text)
			one = false
		}
		j.text.prepend(n.fields[w.message].Value)
		if !counts && first.driver.mayPart(&n.at, &at) {
			counts = true // further in front there are fewer pieces
			m, ok := known.before(behind, w.driver.from)
			parted := m >= w.driver.from
			if behind < 0 || !ok {
				if parted, err = j.parted(ctx, w, &n.at, first, &at); err != nil {
					return fields, nil, err
				}
			}
			if parted {
				j.text.n -= w.size
				begun = false
				break
			}
		}
		if first.form == withID && w.ordinal != first.ordinal-1 {
			whole, lost = false, &LostError{Container: string(p.container)}
		}
		first, at = w, n.at
	}
	if one && begun && whole && p.form == candidate {
		return fields, nil, nil
	}
	if !one {
		*text = j.text.bytes()
	}
	fields = slices.DeleteFunc(fields, isMark)
	if !whole || !begun {
		fields = append(fields, entry.Field{Name: FieldPartial, Value: yes})
	}
	return fields, lost, nil
}

var yes = []byte("true")

// maxLook bounds how far the beginning of a line is looked for that is not within the
// TimeLimit, in entries.
const maxLook = 1000

// missing returns an error if the pieces before the first one that is joined were not shown
// as a line that did not go on in time.
func (j *Joiner) missing(ctx context.Context, first *Piece, c *journal.Cursor, w *Piece) (*LostError, error) {
	at := *c
	for range maxLook {
		fields, next, ok, err := j.around(ctx, first, &at, true)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		at = next
		if w.Read(fields); !w.sameStream(first) {
			continue
		}
		if w.sameID(first) && w.ordinal == first.ordinal-1 {
			return nil, nil
		}
		break
	}
	return &LostError{Container: string(first.container), Beginning: true}, nil
}
