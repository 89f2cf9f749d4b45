package recording

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// Kinds of events. Players show output, and know input, resizes and markers; what they do not know
// they leave out.
const (
	Output   = 'o'
	Input    = 'i'
	Resize   = 'r'
	Position = 'p' // daytwo's own: of which stream, and from which offset on, the following output is
	Exit     = 'x' // as in asciicast version 3: the exit code
)

// Header is the first line of a recording.
type Header struct {
	Version   int    `json:"version"` // 2
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	Timestamp int64  `json:"timestamp"` // Unix seconds
	Command   string `json:"command,omitempty"`
	Title     string `json:"title,omitempty"`
	// Daytwo is what players do not know.
	Daytwo *Extra `json:"daytwo,omitempty"`
}

// Extra is what a recording of daytwo has in its header.
type Extra struct {
	Session string `json:"session"`
	Begun   int64  `json:"begun"` // Unix nanoseconds: the zero of the events' times
	// Lines says that the output is not a terminal's: it has CR LF where the program wrote LF, as
	// players need that.
	Lines bool `json:"lines,omitempty"`
}

// Encoder appends a recording to memory, from which the caller takes it. It allocates nothing once
// that is large enough.
type Encoder struct {
	buf   []byte
	begun time.Time
	lines bool
	cur   wire.Stream          // stream of the last output
	next  uint64               // offset at which it goes on
	known bool                 // cur and next are
	rest  [wire.Streams][]byte // the beginning of a character
	ends  [wire.Streams]uint64 // offset of what comes after it
}

// NewEncoder returns an encoder that has the header. Without the size of a terminal it is the
// usual one.
func NewEncoder(h Header, begun time.Time, id string, lines bool) (*Encoder, error) {
	h.Version, h.Timestamp = 2, begun.Unix()
	if h.Width == 0 || h.Height == 0 {
		h.Width, h.Height = 80, 24
	}
	h.Daytwo = &Extra{Session: id, Begun: begun.UnixNano(), Lines: lines}
	b, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return &Encoder{buf: append(b, '\n'), begun: begun, lines: lines}, nil
}

// Bytes returns what was encoded since the last Reset.
func (e *Encoder) Bytes() []byte { return e.buf }

// Reset forgets what Bytes returned.
func (e *Encoder) Reset() { e.buf = e.buf[:0] }

// Release gives memory back that is not needed while nothing happens.
func (e *Encoder) Release() {
	if len(e.buf) == 0 && cap(e.buf) > 4096 {
		e.buf = nil
	}
}

// Complete returns some offsets without the beginnings of characters that are kept.
func (e *Encoder) Complete(ends [wire.Streams]uint64) [wire.Streams]uint64 {
	for s := range ends {
		ends[s] -= min(ends[s], uint64(len(e.rest[s])))
	}
	return ends
}

// Output adds output of a stream from an offset on. The beginning of a character at its end is
// kept until its rest comes.
func (e *Encoder) Output(at time.Time, s wire.Stream, offset uint64, data []byte) {
	if offset != e.ends[s] {
		e.flush(at, s) // something is missing in between
	}
	e.ends[s] = offset + uint64(len(data))
	if rest := e.rest[s]; len(rest) > 0 {
		offset -= uint64(len(rest))
		data = append(rest, data...)
	}
	n := len(data) - partial(data)
	e.output(at, s, offset, data[:n])
	e.rest[s] = append(e.rest[s][:0], data[n:]...)
}

func (e *Encoder) output(at time.Time, s wire.Stream, offset uint64, data []byte) {
	if len(data) == 0 {
		return
	}
	end := offset + uint64(len(data))
	valid := utf8.Valid(data)
	if !e.known || e.cur != s || e.next != offset || !valid {
		e.event(at, Position)
		e.buf = append(append(e.buf, streamName(s)...), ' ')
		e.buf = strconv.AppendUint(e.buf, offset, 10)
		if !valid { // bytes that are no characters become longer ones
			e.buf = strconv.AppendUint(append(e.buf, '-'), end, 10)
		}
		e.end()
	}
	e.known, e.cur, e.next = true, s, end
	e.event(at, Output)
	e.text(data, e.lines)
	e.end()
}

// Input adds what the program was given.
func (e *Encoder) Input(at time.Time, data []byte) {
	e.event(at, Input)
	e.text(data, false)
	e.end()
}

// Resize adds a change of the terminal's size.
func (e *Encoder) Resize(at time.Time, rows, cols uint16) {
	e.event(at, Resize)
	e.buf = strconv.AppendUint(e.buf, uint64(cols), 10)
	e.buf = strconv.AppendUint(append(e.buf, 'x'), uint64(rows), 10)
	e.end()
}

// Exit adds what is left, and how the session ended.
func (e *Encoder) Exit(at time.Time, x *session.Exit) {
	for s := wire.Stdout; s < wire.Streams; s++ {
		e.flush(at, s)
	}
	if x != nil {
		e.event(at, Exit)
		e.buf = strconv.AppendInt(e.buf, int64(x.Code), 10)
		e.end()
	}
}

// flush adds a character of which the rest did not come.
func (e *Encoder) flush(at time.Time, s wire.Stream) {
	e.output(at, s, e.ends[s]-uint64(len(e.rest[s])), e.rest[s])
	e.rest[s] = e.rest[s][:0]
}

// event begins an event whose text follows.
func (e *Encoder) event(at time.Time, kind byte) {
	us := max(0, at.Sub(e.begun).Microseconds())
	e.buf = strconv.AppendInt(append(e.buf, '['), us/1e6, 10)
	fraction := us % 1e6
	e.buf = append(e.buf, '.')
	for unit := int64(1e5); unit > 0; unit /= 10 {
		e.buf = append(e.buf, byte('0'+fraction/unit%10))
	}
	e.buf = append(e.buf, ',', '"', kind, '"', ',', '"')
}

func (e *Encoder) end() { e.buf = append(e.buf, '"', ']', '\n') }

// plain says which bytes stand for themselves in a string of JSON.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf
	}
	return t
}()

const hex = "0123456789abcdef"

// text appends bytes as a string of JSON.
func (e *Encoder) text(p []byte, lines bool) {
	b := e.buf
	for len(p) > 0 {
		n := 0
		for n < len(p) && plain[p[n]] {
			n++
		}
		b = append(b, p[:n]...)
		if p = p[n:]; len(p) == 0 {
			break
		}
		size := 1
		switch c := p[0]; {
		case c == '\n' && lines:
			b = append(b, `\r\n`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '"', c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			var r rune
			if r, size = utf8.DecodeRune(p); r == utf8.RuneError && size == 1 {
				b = append(b, "\uFFFD"...)
			} else {
				b = append(b, p[:size]...)
			}
		}
		p = p[size:]
	}
	e.buf = b
}

// partial returns how many bytes at the end of p are the beginning of a character.
func partial(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if c := p[len(p)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

func streamName(s wire.Stream) string {
	if s == wire.Stderr {
		return "stderr"
	}
	return "stdout"
}
