package glob

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Pattern is a compiled pattern. Its zero value matches only the empty text.
type Pattern struct {
	tokens    []token
	stars     int  // tokens of kind star
	separator rune // the character that no wildcard matches; none if negative or 0
}

// token is one element of a pattern.
type token struct {
	kind    kind
	literal string // of kind literal, not empty
	negated bool   // of kind set
	ranges  []span // of kind set
}

type kind uint8

const (
	literal kind = iota
	star         // *, any text
	one          // ?, any character
	set          // [...], a character of a set
)

// span is a range of characters, both ends included.
type span struct{ low, high rune }

// Compile parses a pattern. Every text is a valid pattern.
func Compile(s string) Pattern { return compile(s, -1) }

// CompileParts parses a pattern for texts that consist of several parts: no wildcard
// matches the separator.
func CompileParts(s string, separator rune) Pattern { return compile(s, separator) }

func compile(s string, separator rune) (p Pattern) {
	p.separator = separator
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			p.tokens = append(p.tokens, token{kind: literal, literal: text.String()})
			text.Reset()
		}
	}
	for len(s) > 0 {
		switch s[0] {
		case '*':
			flush()
			s = s[1:]
			p.tokens = append(p.tokens, token{kind: star})
			p.stars++
			continue
		case '?':
			flush()
			s = s[1:]
			p.tokens = append(p.tokens, token{kind: one})
			continue
		case '[':
			if t, size := readSet(s); size > 0 {
				s = s[size:]
				if c, ok := t.single(); ok {
					text.WriteString(c)
					continue
				}
				flush()
				p.tokens = append(p.tokens, t)
				continue
			}
		}
		text.WriteByte(s[0])
		s = s[1:]
	}
	flush()
	return p
}

// readSet parses the set at the beginning of s, and returns its size in bytes: 0 if it has
// no closing bracket. A ] as the first character, and a - as the first or last one, are
// members of the set.
func readSet(s string) (t token, size int) {
	i := 1
	if i < len(s) && s[i] == '!' {
		t.negated = true
		i++
	}
	from := i
	if i < len(s) && s[i] == ']' {
		i++
	}
	end := strings.IndexByte(s[min(i, len(s)):], ']')
	if end < 0 {
		return t, 0
	}
	end += i
	t.kind = set
	for body := s[from:end]; body != ""; {
		low, n := char(body)
		body = body[n:]
		high := low
		if len(body) > 1 && body[0] == '-' {
			high, n = char(body[1:])
			body = body[1+n:]
		}
		if low <= high {
			t.ranges = append(t.ranges, span{low, high})
		}
	}
	return t, end + 1
}

// single returns the character of a set that has exactly one.
func (t *token) single() (string, bool) {
	if t.negated || len(t.ranges) != 1 || t.ranges[0].low != t.ranges[0].high || t.ranges[0].low >= invalid {
		return "", false
	}
	return string(t.ranges[0].low), true
}

func (t *token) has(r rune) bool {
	in := func(s span) bool { return s.low <= r && r <= s.high }
	return slices.ContainsFunc(t.ranges, in) != t.negated
}

// Text returns the only text that a pattern without wildcards matches. ok is false if the
// pattern has wildcards.
func (p *Pattern) Text() (text string, ok bool) {
	switch {
	case len(p.tokens) == 0:
		return "", true
	case len(p.tokens) == 1 && p.tokens[0].kind == literal:
		return p.tokens[0].literal, true
	}
	return "", false
}

// Prefix returns a text with which every text that the pattern matches begins.
func (p *Pattern) Prefix() string {
	if len(p.tokens) == 0 || p.tokens[0].kind != literal {
		return ""
	}
	return p.tokens[0].literal
}

// Quote returns a pattern that matches only the text s.
func Quote(s string) string { return quoter.Replace(s) }

var quoter = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]")

// Stars returns the number of * in a pattern.
func (p *Pattern) Stars() int { return p.stars }

// invalid plus a byte's value represents a byte that is not UTF-8, as a character.
const invalid = utf8.MaxRune + 1

// char decodes the first character of a text, which must not be empty.
func char[T string | []byte](s T) (r rune, size int) {
	if c := s[0]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	var b [utf8.UTFMax]byte
	n := copy(b[:], s)
	r, size = utf8.DecodeRune(b[:n])
	if r == utf8.RuneError && size == 1 {
		r = invalid + rune(s[0])
	}
	return r, size
}
