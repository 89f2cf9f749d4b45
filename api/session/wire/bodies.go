package wire

import (
	"encoding/binary"
	"math"

	"github.com/daytwo/daytwo/api/session"
)

// Bodies are messages with several fields. Fields are only ever added at the end: a receiver
// ignores those that it does not know, and has zero for those that are missing.

// Offsets from which a client may ask for output, beside a real one.
const (
	FromNow    uint64 = math.MaxUint64     // what comes from now on
	FromOldest uint64 = math.MaxUint64 - 1 // all that is still kept
)

// Hello is the body of Attach: who connects, and where output goes on.
type Hello struct {
	Control bool   // it is the collector, not a client: no streams, but Status and Kill
	Write   bool   // the client may write
	Record  bool   // it is the recorder: what it has not taken is kept, and it gets input and resizes, too
	Watch   bool   // it is an auditor: it is no client that the session is there for
	Tell    bool   // with Watch: the others are told
	Client  string // a random name that a client keeps when it resumes; a connection of the same name ends
	Name    string // of the principal, for others to see
	// Out has, for Stdout and Stderr, the first byte that the client does not have (or
	// FromNow, FromOldest), and how many it has room for.
	Out [Streams]struct{ Offset, Window uint64 }
}

// AppendAttach appends an Attach message.
func AppendAttach(dst []byte, h *Hello) []byte {
	body := []byte{boolByte(h.Control) | boolByte(h.Write)<<1 | boolByte(h.Record)<<2 | boolByte(h.Watch)<<3 |
		boolByte(h.Tell)<<4}
	body = appendText(appendText(body, cut(h.Client)), cut(h.Name))
	for _, o := range h.Out[Stdout:] {
		body = binary.AppendUvarint(binary.AppendUvarint(body, o.Offset), o.Window)
	}
	return Append(dst, &Message{Type: Attach, Data: body})
}

// ParseAttach decodes the body of an Attach message.
func ParseAttach(body []byte) (h Hello, err error) {
	r := fieldReader{p: body}
	flags := r.byte()
	h.Control, h.Write, h.Record, h.Watch, h.Tell = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0, flags&16 != 0
	h.Client, h.Name = r.text(), r.text()
	for i := Stdout; i < Streams; i++ {
		h.Out[i].Offset, h.Out[i].Window = r.uvarint(), r.uvarint()
	}
	return h, r.err()
}

// Start is the body of Started: what runs.
type Start struct {
	Session string // its id
	TTY     bool
	// Recorded says that a recording is made, and RecordedInput that it has what is typed, too, as
	// far as the terminal echoes it.
	Recorded, RecordedInput bool
	PTYFrom                 string // where the terminal is from: "container", "host", "" without one
	Entered                 string // what was entered, for people
	PID                     int    // of the program, on the node
	Begun                   int64  // Unix nanoseconds
	Stdin                   uint64 // the first byte of input that the keeper does not have
	Window                  uint64 // for how many bytes of input it has room
	Rows                    uint16 // size of the terminal
	Cols                    uint16
	Stdout                  uint64 // where output goes on for this client
	Stderr                  uint64
}

// AppendStarted appends a Started message.
func AppendStarted(dst []byte, s *Start) []byte {
	body := appendText([]byte{boolByte(s.TTY) | boolByte(s.Recorded)<<1 | boolByte(s.RecordedInput)<<2},
		cut(s.Session))
	body = appendText(appendText(body, cut(s.PTYFrom)), cut(s.Entered))
	for _, v := range []uint64{uint64(s.PID), uint64(s.Begun), s.Stdin, s.Window, uint64(s.Rows), uint64(s.Cols),
		s.Stdout, s.Stderr} {
		body = binary.AppendUvarint(body, v)
	}
	return Append(dst, &Message{Type: Started, Data: body})
}

// ParseStarted decodes the body of a Started message.
func ParseStarted(body []byte) (s Start, err error) {
	r := fieldReader{p: body}
	flags := r.byte()
	s.TTY, s.Recorded, s.RecordedInput = flags&1 != 0, flags&2 != 0, flags&4 != 0
	s.Session, s.PTYFrom, s.Entered = r.text(), r.text(), r.text()
	s.PID, s.Begun = int(r.uvarint()), int64(r.uvarint())
	s.Stdin, s.Window = r.uvarint(), r.uvarint()
	s.Rows, s.Cols = uint16(r.uvarint()), uint16(r.uvarint())
	s.Stdout, s.Stderr = r.uvarint(), r.uvarint()
	return s, r.err()
}

// Write is the body of Writer: whose input counts.
type Write struct {
	You    bool   // it is the receiver
	Name   string // of the principal; "" if nobody writes
	Offset uint64 // of the first byte of input that the writer's counts from
}

// AppendWriter appends a Writer message.
func AppendWriter(dst []byte, w *Write) []byte {
	body := appendText(append([]byte(nil), boolByte(w.You)), cut(w.Name))
	return Append(dst, &Message{Type: Writer, Data: binary.AppendUvarint(body, w.Offset)})
}

// ParseWriter decodes the body of a Writer message.
func ParseWriter(body []byte) (w Write, err error) {
	r := fieldReader{p: body}
	w.You, w.Name, w.Offset = r.byte()&1 != 0, r.text(), r.uvarint()
	return w, r.err()
}

// AppendExit appends an Exit message.
func AppendExit(dst []byte, e *session.Exit) []byte {
	body := []byte{byte(e.Reason)}
	body = binary.AppendUvarint(binary.AppendUvarint(body, uint64(e.Code)), uint64(e.Signal))
	return Append(dst, &Message{Type: Exit, Data: appendText(body, cut(e.Detail))})
}

// ParseExit decodes the body of an Exit message.
func ParseExit(body []byte) (e session.Exit, err error) {
	r := fieldReader{p: body}
	reason, code, sig := r.byte(), r.uvarint(), r.uvarint()
	e = session.Exit{Reason: session.Reason(reason), Code: int(code), Signal: int(sig), Detail: r.text()}
	if code > 255 || sig > 255 {
		r.bad = true
	}
	return e, r.err()
}

// State is the body of Status: what a keeper tells its collector.
type State struct {
	Clients  int             // connected now
	Writer   string          // name of who writes
	Bytes    [Streams]uint64 // of each stream, in all
	Recorder bool            // a recorder is connected
	Ended    bool            // the program has ended; the exit follows in a message of its own
	Last     int64           // when anything was typed or printed last, Unix nanoseconds
}

// AppendStatus appends a Status message.
func AppendStatus(dst []byte, s *State) []byte {
	body := binary.AppendUvarint([]byte{boolByte(s.Ended) | boolByte(s.Recorder)<<1}, uint64(s.Clients))
	body = appendText(body, cut(s.Writer))
	for _, v := range s.Bytes {
		body = binary.AppendUvarint(body, v)
	}
	return Append(dst, &Message{Type: Status, Data: binary.AppendUvarint(body, uint64(s.Last))})
}

// ParseStatus decodes the body of a Status message.
func ParseStatus(body []byte) (s State, err error) {
	r := fieldReader{p: body}
	flags := r.byte()
	s.Ended, s.Recorder, s.Clients = flags&1 != 0, flags&2 != 0, int(r.uvarint())
	s.Writer = r.text()
	for i := range s.Bytes {
		s.Bytes[i] = r.uvarint()
	}
	s.Last = int64(r.uvarint())
	return s, r.err()
}

func (r *fieldReader) err() error {
	if r.bad {
		return ErrMalformed
	}
	return nil
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}
