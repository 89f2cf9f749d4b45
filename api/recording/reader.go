package recording

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/session/wire"
)

// maxLine bounds a line of a recording. Of ours none is half as long.
const maxLine = 1 << 20

// Event is an event of a recording.
type Event struct {
	At   time.Duration // since the recording began; of a joined one, since its first piece began
	Kind byte
	Text string // of Output and Input; of output that is not a terminal's with CR LF

	Stream     wire.Stream // of Output and Gap
	From, To   uint64      // of Output: the offsets of its bytes; of Gap: of those that are missing
	Rows, Cols uint16      // of Resize
	Code       int         // of Exit
}

// Gap is the kind of an event of a joined recording that says that output is missing.
const Gap = 'g'

// Reader reads a recording.
type Reader struct {
	Header Header
	in     *bufio.Reader
	last   time.Duration
	stream wire.Stream
	next   uint64
	to     uint64 // where the next output ends, 0 if its text says so
	buf    []byte
}

// NewReader reads the header.
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{in: bufio.NewReaderSize(r, 64<<10), stream: wire.Stdout}
	line, err := d.line()
	if err != nil {
		if errors.Is(err, ErrCut) || err == io.EOF {
			err = ErrFormat
		}
		return nil, err
	}
	if err := json.Unmarshal(line, &d.Header); err != nil || d.Header.Version != 2 {
		return nil, ErrFormat
	}
	if h := &d.Header; h.Width < 0 || h.Height < 0 || h.Width > 0xffff || h.Height > 0xffff {
		return nil, ErrFormat
	}
	return d, nil
}

// Begun returns when the recording began.
func (d *Reader) Begun() time.Time {
	if d.Header.Daytwo != nil {
		return time.Unix(0, d.Header.Daytwo.Begun)
	}
	return time.Unix(d.Header.Timestamp, 0)
}

// lines reports whether the output has CR LF where the program wrote LF.
func (d *Reader) lines() bool { return d.Header.Daytwo != nil && d.Header.Daytwo.Lines }

// Next returns the next event. Those that it does not know it leaves out. The error is io.EOF at
// the end, and ErrCut in the middle of an event.
func (d *Reader) Next() (e Event, err error) {
	for {
		line, err := d.line()
		if err != nil {
			return e, err
		}
		ok, err := d.parse(line, &e)
		if err != nil || ok {
			return e, err
		}
	}
}

// parse decodes an event, and returns whether it is one to return.
func (d *Reader) parse(line []byte, e *Event) (ok bool, err error) {
	var fields []json.RawMessage
	var at float64
	var kind, text string
	if json.Unmarshal(line, &fields) != nil || len(fields) < 3 || json.Unmarshal(fields[0], &at) != nil ||
		json.Unmarshal(fields[1], &kind) != nil || at < 0 || at > 1e9 {
		return false, ErrFormat
	}
	if len(kind) != 1 {
		return false, nil
	}
	if err := json.Unmarshal(fields[2], &text); err != nil {
		return false, ErrFormat
	}
	d.last = max(d.last, time.Duration(at*1e9))
	*e = Event{At: d.last, Kind: kind[0], Text: text}
	switch e.Kind {
	case Output:
		d.place(e)
	case Input:
	case Resize:
		cols, rows, _ := strings.Cut(text, "x")
		c, err1 := strconv.ParseUint(cols, 10, 16)
		r, err2 := strconv.ParseUint(rows, 10, 16)
		if err1 != nil || err2 != nil {
			return false, ErrFormat
		}
		e.Rows, e.Cols = uint16(r), uint16(c)
	case Exit:
		if e.Code, err = strconv.Atoi(text); err != nil || e.Code < 0 || e.Code > 255 {
			return false, ErrFormat
		}
	case Position:
		return false, d.position(text)
	default:
		return false, nil
	}
	return true, nil
}

// position takes in where the following output is from.
func (d *Reader) position(text string) (err error) {
	name, span, _ := strings.Cut(text, " ")
	from, to, whole := strings.Cut(span, "-")
	switch name {
	case "stdout":
		d.stream = wire.Stdout
	case "stderr":
		d.stream = wire.Stderr
	default:
		return ErrFormat
	}
	if d.next, err = strconv.ParseUint(from, 10, 63); err != nil {
		return ErrFormat
	}
	d.to = 0
	if whole {
		if d.to, err = strconv.ParseUint(to, 10, 63); err != nil || d.to < d.next {
			return ErrFormat
		}
	}
	return nil
}

// place says from where an output is.
func (d *Reader) place(e *Event) {
	e.Stream, e.From, e.To = d.stream, d.next, d.to
	if d.to == 0 {
		n := len(e.Text)
		if d.lines() {
			n -= strings.Count(e.Text, "\r\n")
		}
		e.To = e.From + uint64(n)
	}
	d.next, d.to = e.To, 0
}

// line returns the next line, which is valid until the next call.
func (d *Reader) line() ([]byte, error) {
	d.buf = d.buf[:0]
	for {
		part, err := d.in.ReadSlice('\n')
		d.buf = append(d.buf, part...)
		switch {
		case len(d.buf) > maxLine:
			return nil, fmt.Errorf("%w: a line is longer than %d bytes", ErrFormat, maxLine)
		case err == nil:
			return d.buf[:len(d.buf)-1], nil
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(d.buf) > 0, err == io.ErrUnexpectedEOF:
			return nil, ErrCut
		case err == io.EOF:
			return nil, err
		default: // an encrypted file that is cut, or a connection that was lost
			return nil, fmt.Errorf("%w (%w)", ErrCut, err)
		}
	}
}
