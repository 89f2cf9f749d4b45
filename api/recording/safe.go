package recording

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Safe makes output of a program harmless for the terminal of somebody who looks at it later. It
// passes on what draws: text, colours, the cursor, erasing and scrolling. It leaves out what
// reaches beyond the screen, or makes the terminal answer, as the answers are typed into whatever
// runs there: control strings (OSC: clipboard, titles, links, notifications, colours; DCS, APC, PM,
// SOS), reports and queries, printing, resizing the window, the modes of mouse, focus, paste and
// keyboard, and every sequence that it does not know.
type Safe struct {
	e   escapes
	out []byte
	cut int // sequences that were left out
}

// NewSafe returns a filter.
func NewSafe() *Safe {
	s := new(Safe)
	s.e = escapes{text: func(p []byte) { s.out = append(s.out, p...) }, control: s.control, escape: s.escape,
		csi: s.csi, str: func() { s.cut++ }}
	return s
}

// Filter returns what may be shown of some output. It is valid until the next call.
func (s *Safe) Filter(text string) []byte {
	s.out = s.out[:0]
	s.e.write([]byte(strings.ToValidUTF8(text, "\uFFFD")))
	return s.out
}

// LeftOut returns how many sequences were left out.
func (s *Safe) LeftOut() int { return s.cut }

// Reset is what sets a terminal right after output was shown: attributes, character sets, the
// cursor, the usual screen, and modes that Safe passes on.
const Reset = "\x1b[0m\x1b(B\x0f\x1b[?1l\x1b[?6l\x1b[?7h\x1b[?5l\x1b[4l\x1b[r\x1b[?25h\x1b[?1049l\x1b[?2026l"

func (s *Safe) control(c byte) {
	if bytes.IndexByte([]byte("\a\b\t\n\v\f\r\x0e\x0f"), c) >= 0 { // not ENQ, which is answered
		s.out = append(s.out, c)
		return
	}
	s.cut++
}

func (s *Safe) escape(seq []byte) {
	// ESC 7 8 (cursor), D E M (lines), H (tab), c (reset), and character sets.
	one := len(seq) == 1 && bytes.IndexByte([]byte("78DEMHc"), seq[0]) >= 0
	set := len(seq) == 2 && (seq[0] == '(' || seq[0] == ')') && bytes.IndexByte([]byte("0AB"), seq[1]) >= 0
	if !one && !set {
		s.cut++
		return
	}
	s.out = append(append(s.out, 0x1b), seq...)
}

// modes are the private modes that draw: of the screen, not of the keyboard.
var modes = []int{1, 5, 6, 7, 12, 25, 45, 47, 1047, 1048, 1049, 2026}

func (s *Safe) csi(params []byte, last byte) {
	ok := false
	switch {
	case bytes.IndexByte([]byte("ABCDEFGHIJKLMPSTXZ@`abdefgmrsu"), last) >= 0:
		ok = digits(params)
	case last == 'h' || last == 'l':
		if private, is := bytes.CutPrefix(params, []byte("?")); is {
			ok = allKnown(private)
		} else {
			ok = string(params) == "4" || string(params) == "20"
		}
	case last == 'J' || last == 'K':
		ok = digits(bytes.TrimPrefix(params, []byte("?")))
	case last == 'q': // the cursor's shape
		ok = len(params) > 0 && params[len(params)-1] == ' ' && digits(params[:len(params)-1])
	}
	if !ok {
		s.cut++
		return
	}
	s.out = append(append(append(s.out, 0x1b, '['), params...), last)
}

// digits reports whether parameters are numbers, none of which is longer than any screen.
func digits(params []byte) bool {
	for _, p := range bytes.FieldsFunc(params, func(r rune) bool { return r == ';' || r == ':' }) {
		if n, err := strconv.Atoi(string(p)); err != nil || n > 0xffff {
			return false
		}
	}
	return true
}

func allKnown(params []byte) bool {
	for p := range bytes.SplitSeq(params, []byte(";")) {
		if n, err := strconv.Atoi(string(p)); err != nil || !slices.Contains(modes, n) {
			return false
		}
	}
	return true
}

// NewSafeWriter returns a writer that passes what Safe does on to another one. The beginning
// of a character is kept until its rest comes.
func NewSafeWriter(w io.Writer) io.Writer { return &safeWriter{w: w, safe: NewSafe()} }

type safeWriter struct {
	w    io.Writer
	safe *Safe
	rest []byte
}

// Write implements io.Writer.
func (s *safeWriter) Write(p []byte) (int, error) {
	s.rest = append(s.rest, p...)
	n := len(s.rest) - partial(s.rest)
	_, err := s.w.Write(s.safe.Filter(string(s.rest[:n])))
	s.rest = s.rest[:copy(s.rest, s.rest[n:])]
	return len(p), err
}
