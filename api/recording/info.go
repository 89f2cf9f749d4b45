package recording

import (
	"errors"
	"regexp"
	"time"

	"github.com/daytwo/daytwo/api/session"
)

// Info describes a piece of the recording of a session: what one relay has written without
// an interruption. Most sessions have one.
type Info struct {
	Session   string            `json:"session"`
	Piece     string            `json:"piece"` // its name, which tells it from others of the session
	Relay     string            `json:"relay"` // that wrote it
	Agent     string            `json:"agent"`
	Container string            `json:"container_id,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"` // origin tags of the container
	User      string            `json:"user"`           // who opened the session
	From      string            `json:"from,omitempty"`
	Rule      string            `json:"rule,omitempty"` // that allowed it
	Command   session.Command   `json:"command"`        // without its environment
	Input     bool              `json:"input"`          // it has what was typed, too
	Encrypted bool              `json:"encrypted"`      // with age
	Begun     time.Time         `json:"begun"`
	Ended     time.Time         `json:"ended,omitzero"` // missing while it is written, and after a crash
	Bytes     int64             `json:"bytes"`          // of the file
	Stdout    Span              `json:"stdout"`
	Stderr    Span              `json:"stderr"`
	Exit      *session.Exit     `json:"exit,omitempty"`  // missing if the piece is not the last one
	Error     string            `json:"error,omitempty"` // why it ended before the session did
	Active    bool              `json:"active,omitempty"`
}

// Span is a part of a stream, by offsets.
type Span struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"` // of the first byte that is not in it
}

// Media types of files.
const (
	TypeCast = "application/x-asciicast"
	TypeAge  = "application/age"
)

var pieceName = regexp.MustCompile(`^[0-9]{1,20}-[0-9a-zA-Z_-]{1,64}$`)

// ValidPiece reports whether a name may be that of a piece. It is part of a file's name.
func ValidPiece(name string) bool { return pieceName.MatchString(name) }

// Errors of readers.
var (
	// ErrFormat is that bytes are no recording.
	ErrFormat = errors.New("this is no recording (asciicast version 2)")
	// ErrCut is that a recording ends in the middle: its relay has ended while it wrote.
	ErrCut = errors.New("the recording ends in the middle, as that of a relay that crashed")
)
