package logdriver

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/daytwo/daytwo/api/entry"
)

// Piece is what the fields of an entry say of its place in a line.
type Piece struct {
	container, id []byte // copies. id is of the line or, of conmon, its process: it has one for each run
	driver        *driver
	stderr        bool
	form          form
	ordinal       int  // from 1 on; form withID
	last          bool // it ends the line
	idle          bool // nothing came after it for long: it is shown by itself
	short         bool // it is one that nothing follows: Docker's pieces are full, but for the last one
	message       int  // index of MESSAGE among the fields
	size          int  // of the text
}

// form is how pieces are marked.
type form uint8

const (
	whole     form = iota // the entry has nothing to do with pieces
	candidate             // it has no mark, and may be the last piece of the old form
	old                   // it has the flag alone
	withID                // it has the line's id
)

// maxContainer bounds the id of a container, in bytes.
const maxContainer = 256

// Read reads the fields of an entry.
func (p *Piece) Read(fields []entry.Field) {
	*p = Piece{container: p.container[:0], id: p.id[:0], driver: &logPipe, ordinal: 1, last: true, message: -1}
	var full, image, flagged, hasStream bool
	var pid []byte
	for i := range fields {
		switch f := &fields[i]; f.Name {
		case fieldMessage:
			if p.message < 0 {
				p.message, p.size = i, len(f.Value)
			}
		case fieldPriority:
			if !hasStream {
				p.stderr = string(f.Value) == "3"
			}
		case fieldStream:
			p.stderr, hasStream = string(f.Value) == "STDERR", true
		case fieldIDFull:
			p.setContainer(f.Value)
			full = true
		case fieldID:
			if !full {
				p.setContainer(f.Value)
			}
		case fieldImage:
			image = true
		case FieldPartial:
			flagged = string(f.Value) == "true"
		case fieldPieceID:
			p.form, p.id = withID, append(p.id[:0], f.Value...)
		case fieldOrdinal:
			p.ordinal, _ = strconv.Atoi(string(f.Value)) // 0 is not the next one
		case fieldLast:
			p.last = string(f.Value) != "false"
		case fieldBreak:
			p.idle = string(f.Value) == "idle"
		case fieldPID:
			pid = f.Value
		}
	}
	switch {
	case full && image:
		p.driver = &docker
	case full:
		p.driver = &conmon
	}
	p.short = p.driver == &docker && p.size < p.driver.piece
	switch {
	case p.message < 0 || len(p.container) == 0:
		p.form = whole
	case p.form == withID:
		p.last = p.last && !flagged
	case flagged:
		p.form, p.last = old, p.short
	case full:
		p.form, p.last = candidate, true
	}
	if p.driver == &conmon && p.form != withID {
		p.id = append(p.id[:0], pid...)
	}
}

func (p *Piece) setContainer(id []byte) {
	if p.container = p.container[:0]; len(id) <= maxContainer {
		p.container = append(p.container, id...)
	}
}

// Clone returns a copy.
func (p *Piece) Clone() Piece {
	c := *p
	c.container, c.id = slices.Clone(p.container), slices.Clone(p.id)
	return c
}

// Container returns the id of the container.
func (p *Piece) Container() string { return string(p.container) }

// Whole reports whether the entry has nothing to do with pieces.
func (p *Piece) Whole() bool { return p.form == whole }

// Marked reports whether the entry says that it is a piece. Another one that is not whole
// may be the last piece of a line without an id.
func (p *Piece) Marked() bool { return p.form == old || p.form == withID }

// Opens reports whether an entry that comes next may belong to the line.
func (p *Piece) Opens() bool { return !p.last && !p.idle }

// AppendStream appends a key of the stream of the container.
func (p *Piece) AppendStream(dst []byte) []byte {
	stream := byte('1')
	if p.stderr {
		stream = '2'
	}
	return append(append(append(dst, p.driver.key), stream), p.container...)
}

func (p *Piece) sameStream(o *Piece) bool {
	return p.driver == o.driver && p.stderr == o.stderr && bytes.Equal(p.container, o.container)
}

// sameLine reports whether the next piece of the stream goes on with the line.
func (p *Piece) sameLine(next *Piece) bool {
	switch {
	case !p.Opens():
		return false
	case p.form == withID:
		return p.sameID(next) && next.ordinal > p.ordinal
	case p.driver == &conmon && !bytes.Equal(p.id, next.id):
		return false
	}
	return next.form == candidate || next.form == old
}

func (p *Piece) sameID(o *Piece) bool { return o.form == withID && bytes.Equal(p.id, o.id) }

// TrimNewline takes away the newline that conmon leaves at the end of a line, given that
// the fields are of a driver's entry.
func TrimNewline(fields []entry.Field) {
	message := -1
	full := false
	for i := range fields {
		switch fields[i].Name {
		case fieldMessage:
			if message < 0 {
				message = i
			}
		case fieldIDFull:
			full = true
		case fieldImage:
			return
		}
	}
	if full && message >= 0 {
		fields[message].Value = bytes.TrimSuffix(fields[message].Value, newline)
	}
}

var newline = []byte{'\n'}
