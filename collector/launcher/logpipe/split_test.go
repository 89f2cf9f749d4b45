package logpipe

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// piece is what a splitter returns.
type piece struct {
	Text string
	Cut  bool
}

// splitTwin splits whole text plainly: at line feeds, then lines above max into pieces
// that end between characters.
func splitTwin(text []byte, limit int) (all []piece, rest string) {
	lines := bytes.Split(text, []byte("\n"))
	for i, line := range lines {
		for len(line) > limit {
			n := limit
			for at := 0; at < len(line); { // at runs over the characters
				_, size := utf8.DecodeRune(line[at:])
				if at < limit && at+size > limit {
					n = at
				}
				at += size
			}
			all = append(all, piece{string(line[:n]), true})
			line = line[n:]
		}
		if i < len(lines)-1 {
			all = append(all, piece{string(line), false})
		} else {
			rest = string(line)
		}
	}
	return all, rest
}

// split runs a splitter over text that comes in parts of the given sizes, again and
// again.
func split(text []byte, limit int, sizes []byte) (all []piece, rest string) {
	s := splitter{max: limit}
	for i := 0; len(text) > 0; i++ {
		n := len(text)
		if len(sizes) > 0 {
			n = int(sizes[i%len(sizes)]) + 1
		}
		n = copy(s.space(), text[:min(n, len(text))])
		text = text[n:]
		s.took(n)
		for {
			line, cut, ok := s.next()
			if !ok {
				break
			}
			all = append(all, piece{string(line), cut})
		}
	}
	return all, string(s.rest(false))
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("a\n\nb\r\nlast"), byte(8), []byte{0})
	f.Add([]byte("ä€😀ä€😀ä€😀ä€😀\nx"), byte(5), []byte{2, 0, 7})
	f.Add([]byte("\xff\xfe\x80\x80\x80\x80\x80\x80\x80\xc3\n\xe2\x82"), byte(4), []byte{1})
	f.Add(bytes.Repeat([]byte("0123456789"), 50), byte(10), []byte{})
	f.Fuzz(func(t *testing.T, text []byte, limit byte, sizes []byte) {
		most := int(limit) + utf8.UTFMax
		got, rest := split(text, most, sizes)
		want, wantRest := splitTwin(text, most)
		if d := cmp.Diff(want, got); d != "" || rest != wantRest {
			t.Errorf("%q by %d: %s%q, want %q", text, most, d, rest, wantRest)
		}
	})
}

// A splitter holds little more than a line, and frees what a long one took.
func TestSplitMemory(t *testing.T) {
	const limit = 1 << 20
	s := splitter{max: limit}
	text := bytes.Repeat([]byte("x"), readSize)
	for range 200 {
		n := copy(s.space(), text)
		s.took(n)
		for _, _, ok := s.next(); ok; _, _, ok = s.next() {
		}
		if s.pending() > limit || len(s.buf) > 2*(limit+readSize) {
			t.Fatalf("%d bytes for %d", len(s.buf), s.pending())
		}
	}
	s.rest(false)
	s.shrink()
	if len(s.buf) != 0 {
		t.Errorf("%d bytes are kept", len(s.buf))
	}
}

// What is held back of unfinished text is the beginning of a character, and no more.
func TestIncomplete(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a": 0, "ä": 0, "a\xc3": 1, "\xe2\x82": 2, "x\xf0\x9f\x98": 3,
		"😀": 0, "\x80": 0, "\x80\x80\x80\x80": 0, "\xff": 0} {
		if got := incomplete([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
