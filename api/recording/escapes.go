package recording

import "unicode/utf8"

// maxString bounds what a control string (OSC, DCS and the like) may have before it is taken
// for what it is: a way to hide what follows it. maxSequence bounds other sequences.
const (
	maxString   = 64 << 10
	maxSequence = 128
)

// escapes takes terminal output apart: text, control characters, and escape sequences
// (ECMA-48), also those that are cut anywhere.
type escapes struct {
	text    func(p []byte)                 // characters that are shown
	control func(c byte)                   // below 0x20
	escape  func(seq []byte)               // ESC …, without parameters, in whole
	csi     func(params []byte, last byte) // CSI …, params with its intermediates
	str     func()                         // a control string, which is over
	state   escapeState
	seq     []byte
	n       int // bytes of a control string
	osc     bool
}

type escapeState uint8

const (
	ground      escapeState = iota
	escaped                 // after ESC
	inCSI                   // after CSI
	inString                // in a control string
	inStringEsc             // after ESC in one
)

// write takes valid UTF-8 in whole characters.
func (e *escapes) write(p []byte) {
	for len(p) > 0 {
		if e.state == ground {
			n := 0
			for n < len(p) && p[n] >= 0x20 && p[n] != 0x7f && p[n] != 0xc2 {
				n++
			}
			if n > 0 {
				e.text(p[:n])
				p = p[n:]
				continue
			}
		}
		if p[0] < utf8.RuneSelf {
			e.ascii(p[0])
			p = p[1:]
			continue
		}
		r, size := utf8.DecodeRune(p)
		if r >= 0x80 && r < 0xa0 { // C1: the same as ESC and the character 0x40 below
			e.ascii(0x1b)
			e.ascii(byte(r - 0x40))
		} else {
			e.other(p[:size])
		}
		p = p[size:]
	}
}

// other takes a character that is not ASCII.
func (e *escapes) other(p []byte) {
	switch e.state {
	case inString, inStringEsc:
		e.state = inString
		e.long(len(p))
	default: // in no sequence: it ends it
		e.state = ground
		e.text(p)
	}
}

// long counts bytes of a control string, and ends one that is too long.
func (e *escapes) long(n int) {
	if e.n += n; e.n > maxString {
		e.state = ground
		e.str()
	}
}

func (e *escapes) ascii(c byte) {
	switch {
	case c == 0x18 || c == 0x1a: // CAN, SUB: end every sequence
		if e.state == inString || e.state == inStringEsc {
			e.str()
		}
		e.state = ground
		return
	case c == 0x1b && e.state == inString:
		e.state = inStringEsc
		return
	case c == 0x1b:
		if e.state == inStringEsc {
			e.str()
		}
		e.state, e.seq = escaped, e.seq[:0]
		return
	}
	switch e.state {
	case ground:
		e.shown(c)
	case escaped:
		e.afterEscape(c)
	case inCSI:
		e.inCSI(c)
	case inString:
		if c == 0x07 && e.osc || c == '\n' && e.osc {
			e.state = ground
			e.str()
			if c == '\n' {
				e.control(c)
			}
			return
		}
		e.long(1)
	case inStringEsc:
		e.str() // ST, or a sequence that cuts it off
		e.state, e.seq = escaped, e.seq[:0]
		if c == '\\' {
			e.state = ground
			return
		}
		e.afterEscape(c)
	}
}

func (e *escapes) shown(c byte) {
	switch {
	case c < 0x20:
		e.control(c)
	case c != 0x7f:
		e.text([]byte{c})
	}
}

func (e *escapes) afterEscape(c byte) {
	switch {
	case c < 0x20:
		e.control(c)
	case c < 0x30: // intermediate
		e.add(c)
	case len(e.seq) > 0:
		e.add(c)
		e.state = ground
		e.escape(e.seq)
	case c == '[':
		e.state = inCSI
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_': // OSC, DCS, SOS, PM, APC
		e.state, e.n, e.osc = inString, 0, c == ']'
	case c != 0x7f:
		e.add(c)
		e.state = ground
		e.escape(e.seq)
	}
}

func (e *escapes) inCSI(c byte) {
	switch {
	case c < 0x20:
		e.control(c)
	case c < 0x40:
		e.add(c)
	case c != 0x7f:
		e.state = ground
		if len(e.seq) <= maxSequence {
			e.csi(e.seq, c)
		}
	}
}

func (e *escapes) add(c byte) {
	if len(e.seq) <= maxSequence {
		e.seq = append(e.seq, c)
	}
}
