package logdriver

import (
	"bytes"
	"strconv"

	"github.com/daytwo/daytwo/api/entry"
)

// piece is what the fields of an entry say of its place in a line.
type piece struct {
	container []byte
	stream    int // 1 for stderr
	form      form
	id        []byte // of the line; form withID
	ordinal   int    // from 1 on; form withID
	last      bool   // it ends the line
	flagged   bool   // it has the flag of a piece
	text      []byte
	message   int // index of MESSAGE among the fields
}

// form is how pieces are marked.
type form uint8

const (
	whole     form = iota // the entry has nothing to do with pieces
	candidate             // it has no mark, and may be the last piece of the old form
	old                   // it has the flag alone
	withID                // it has the line's id
)

// Sizes at which the drivers cut lines, in bytes. A flagged piece that is shorter is the
// last of a line: of the container's output, or of any line where a version of Docker
// flags the last piece, too.
const (
	dockerPiece = 16 << 10
	conmonPiece = 8 << 10
)

// read reads the fields of an entry.
func (p *piece) read(e *entry.Entry) {
	*p = piece{message: -1, ordinal: 1, last: true}
	var docker, full, hasStream bool
	for i := range e.Fields {
		switch f := &e.Fields[i]; f.Name {
		case fieldMessage:
			if p.message < 0 {
				p.message, p.text = i, f.Value
			}
		case fieldPriority:
			if !hasStream && string(f.Value) == "3" {
				p.stream = 1
			}
		case fieldStream:
			if p.stream, hasStream = 0, true; string(f.Value) == "STDERR" {
				p.stream = 1
			}
		case fieldIDFull:
			p.container, full = f.Value, true
		case fieldID:
			if !full {
				p.container = f.Value
			}
		case fieldImage:
			docker = true
		case fieldPartial:
			p.flagged = string(f.Value) == "true"
		case fieldPieceID:
			p.form, p.id = withID, f.Value
		case fieldOrdinal:
			p.ordinal, _ = strconv.Atoi(string(f.Value)) // 0 is not the next one
		case fieldLast:
			p.last = string(f.Value) != "false"
		}
	}
	if p.message < 0 || len(p.container) == 0 || len(p.container) > 256 {
		p.form = whole
		return
	}
	switch {
	case p.form == withID:
		p.last = p.last && !p.flagged
	case p.flagged:
		size := conmonPiece
		if docker {
			size = dockerPiece
		}
		p.form, p.last = old, len(p.text) < size
	case full:
		p.form = candidate
	default:
		p.form = whole
		return
	}
	if full && !docker { // conmon writes the newline, too
		p.text = bytes.TrimSuffix(p.text, newline)
	}
}

var newline = []byte{'\n'}
