package recording

import (
	"strings"
	"time"
	"unicode/utf8"
)

// maxTextLine bounds a line of text. A longer one is cut into several.
const maxTextLine = 16 << 10

// Text makes lines of text of output: without escape sequences, and with what was erased by
// backspace taken back, as a shell does that for who types. What a carriage return writes over is a
// line of its own.
type Text struct {
	e    escapes
	line []byte
	at   time.Duration // of the line's beginning
	now  time.Duration
	put  func(at time.Duration, line string)
}

// NewText returns a Text that gives each line to put.
func NewText(put func(at time.Duration, line string)) *Text {
	t := &Text{put: put}
	nothing := func() {}
	t.e = escapes{text: t.text, control: t.control, escape: func([]byte) {}, csi: t.csi, str: nothing}
	return t
}

// Write takes output.
func (t *Text) Write(at time.Duration, text string) {
	t.now = at
	t.e.write([]byte(strings.ToValidUTF8(text, "\uFFFD")))
}

// End gives the last line to put.
func (t *Text) End() { t.end() }

func (t *Text) text(p []byte) {
	if len(t.line) == 0 {
		t.at = t.now
	}
	t.line = append(t.line, p...)
	for len(t.line) > maxTextLine {
		n := maxTextLine
		for !utf8.RuneStart(t.line[n]) {
			n--
		}
		rest := string(t.line[n:])
		t.line = t.line[:n]
		t.end()
		t.line, t.at = append(t.line, rest...), t.now
	}
}

func (t *Text) control(c byte) {
	switch c {
	case '\n', '\r', '\v', '\f':
		t.end()
	case '\t':
		t.text([]byte{' '})
	case '\b':
		_, size := utf8.DecodeLastRune(t.line)
		t.line = t.line[:len(t.line)-size]
	}
}

// csi makes a line end where the cursor goes elsewhere, so that what programs draw that fill the
// screen is not one line.
func (t *Text) csi(_ []byte, last byte) {
	if strings.IndexByte("ABEFHdfJ", last) >= 0 {
		t.end()
	}
}

func (t *Text) end() {
	if len(t.line) > 0 {
		t.put(t.at, string(t.line))
	}
	t.line = t.line[:0]
}
