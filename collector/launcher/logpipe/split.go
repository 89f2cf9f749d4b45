package logpipe

import (
	"bytes"
	"unicode/utf8"
)

// readSize is how much is read at once: what a pipe holds by default.
const readSize = 64 << 10

// splitter finds lines in what is read from a source. It holds one line at most, of max
// bytes and a little more.
type splitter struct {
	buf        []byte
	start, end int // buf[start:end] was read and is not yet taken
	scanned    int // buf[start:scanned] has no line feed
	max        int // bytes of the longest line, at least utf8.UTFMax
}

// space returns where to read to, at least readSize/2 bytes. The lines that next has
// returned are no longer valid.
func (s *splitter) space() []byte {
	if s.start == s.end {
		s.start, s.end, s.scanned = 0, 0, 0
	}
	if len(s.buf)-s.end < readSize/2 {
		to := s.buf
		if need := s.end - s.start + readSize/2; need > len(s.buf) {
			to = make([]byte, max(readSize, min(2*len(s.buf), s.max+readSize), need))
		}
		n := copy(to, s.buf[s.start:s.end])
		s.buf, s.start, s.scanned, s.end = to, 0, s.scanned-s.start, n
	}
	return s.buf[s.end:]
}

// took adds n bytes that were read to space().
func (s *splitter) took(n int) { s.end += n }

// next returns the next line, without its line feed. If cut is true, that is only the
// beginning of a line of more than max bytes. If ok is false, no line has its end yet.
func (s *splitter) next() (line []byte, cut, ok bool) {
	i := bytes.IndexByte(s.buf[s.scanned:s.end], '\n')
	if i < 0 {
		if s.scanned = s.end; s.end-s.start <= s.max {
			return nil, false, false
		}
	} else if s.scanned += i; s.scanned-s.start <= s.max {
		line = s.buf[s.start:s.scanned]
		s.scanned++
		s.start = s.scanned
		return line, false, true
	}
	n := runeBoundary(s.buf[s.start:s.end], s.max)
	line = s.buf[s.start : s.start+n]
	s.start += n
	return line, true, true
}

// pending returns how many bytes of an unfinished line there are.
func (s *splitter) pending() int { return s.end - s.start }

// rest takes the unfinished line. If more of it may come, the beginning of a character
// at its end stays.
func (s *splitter) rest(more bool) []byte {
	end := s.end
	if more {
		end -= incomplete(s.buf[s.start:s.end])
	}
	line := s.buf[s.start:end]
	s.start = end
	s.scanned = max(s.scanned, end)
	return line
}

// shrink frees the memory of a long line.
func (s *splitter) shrink() {
	if s.start == s.end && len(s.buf) > 4*readSize {
		s.buf, s.start, s.end, s.scanned = nil, 0, 0, 0
	}
}

// runeBoundary returns n or, if b[:n] would end in a character of UTF-8 that b has
// whole, where that character begins.
func runeBoundary(b []byte, n int) int {
	for i := n; i > 0 && i > n-utf8.UTFMax; i-- {
		if !utf8.RuneStart(b[i]) {
			continue
		}
		if _, size := utf8.DecodeRune(b[i:]); i+size > n {
			return i
		}
		break
	}
	return n
}

// incomplete returns how many bytes at the end of b are the beginning of a character.
func incomplete(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n:]; utf8.RuneStart(c[0]) {
			if !utf8.FullRune(c) {
				return n
			}
			break
		}
	}
	return 0
}
