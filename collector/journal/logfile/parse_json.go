package logfile

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// dockerPiece is the size at which Docker cuts lines, in bytes. A shorter text
// without a newline is the last of a container's output, and a whole line.
const dockerPiece = 16 << 10

// parseJSON parses an object of Docker's json-file driver: members log, stream,
// time and attrs, in any order. A log that does not end in a newline is a piece.
// Source: github.com/moby/moby/daemon/logger/jsonfilelog/jsonlog.
func (p *parser) parseJSON(b []byte, r *record) error {
	r.text, r.attrs, r.time, r.stream = nil, nil, -1, Stdout
	j := jsonScanner{b: b}
	if !j.take('{') {
		return errNotARecord
	}
	hasLog := false
	for first := true; !j.take('}'); first = false {
		if !first && !j.take(',') {
			return errNotARecord
		}
		name, plain, ok := j.str()
		if !ok || !j.take(':') {
			return errNotARecord
		}
		if !plain {
			name = nil // none of ours
		}
		from := j.i
		switch string(name) {
		case "log":
			text, plain, ok := j.str()
			if !ok {
				return errNotARecord
			}
			if !plain {
				p.text = appendUnescaped(p.text[:0], text)
				text = p.text
			}
			r.text, hasLog = text, true
		case "stream":
			text, _, ok := j.str()
			if !ok {
				return errNotARecord
			}
			if r.stream, ok = streamOf(text); !ok {
				return errNotARecord
			}
		case "time":
			text, _, ok := j.str()
			if !ok {
				return errNotARecord
			}
			if r.time, ok = parseTime(text); !ok {
				return errNotARecord
			}
		default:
			if !j.value(0) {
				return errNotARecord
			}
			if string(name) == "attrs" {
				r.attrs = bytes.TrimSpace(b[from:j.i])
			}
		}
	}
	if j.blank(); j.i != len(b) || !hasLog || r.time < 0 {
		return errNotARecord
	}
	r.partial = len(r.text) >= dockerPiece
	if n := len(r.text); n > 0 && r.text[n-1] == '\n' {
		r.text, r.partial = r.text[:n-1], false
	}
	return nil
}

// jsonScanner walks over JSON without making values of it. Strings are not checked
// for control characters, nor numbers for their form: their writers are known.
type jsonScanner struct {
	b []byte
	i int
}

func (j *jsonScanner) blank() {
	for j.i < len(j.b) && (j.b[j.i] == ' ' || j.b[j.i] == '\t' || j.b[j.i] == '\r' || j.b[j.i] == '\n') {
		j.i++
	}
}

// take reports whether c comes next, and steps over it.
func (j *jsonScanner) take(c byte) bool {
	j.blank()
	if j.i < len(j.b) && j.b[j.i] == c {
		j.i++
		return true
	}
	return false
}

// str steps over a string and returns what is between its quotes, and whether that
// is without escapes and valid UTF-8.
func (j *jsonScanner) str() (raw []byte, plain, ok bool) {
	if !j.take('"') {
		return nil, false, false
	}
	from := j.i
	for {
		n := bytes.IndexByte(j.b[j.i:], '"')
		if n < 0 {
			return nil, false, false
		}
		j.i += n + 1
		// A quote after an odd number of backslashes is part of the string.
		slashes := 0
		for k := j.i - 2; k >= from && j.b[k] == '\\'; k-- {
			slashes++
		}
		if slashes%2 == 0 {
			break
		}
	}
	raw = j.b[from : j.i-1]
	return raw, bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw), true
}

// maxDepth bounds how deep values may be nested.
const maxDepth = 32

// value steps over any value.
func (j *jsonScanner) value(depth int) bool {
	j.blank()
	if j.i == len(j.b) || depth > maxDepth {
		return false
	}
	switch c := j.b[j.i]; c {
	case '"':
		_, _, ok := j.str()
		return ok
	case '{', '[':
		j.i++
		closing := c + 2 // of both in ASCII
		for first := true; !j.take(closing); first = false {
			if !first && !j.take(',') {
				return false
			}
			if c == '{' {
				if _, _, ok := j.str(); !ok || !j.take(':') {
					return false
				}
			}
			if !j.value(depth + 1) {
				return false
			}
		}
		return true
	}
	from := j.i
	for j.i < len(j.b) && bytes.IndexByte([]byte(",:]}\" \t\r\n[{"), j.b[j.i]) < 0 {
		j.i++
	}
	return j.i > from
}

// appendUnescaped appends a string of JSON as encoding/json decodes it: what is not
// valid becomes U+FFFD.
func appendUnescaped(dst, s []byte) []byte {
	for len(s) > 0 {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return appendValid(dst, s)
		}
		dst = appendValid(dst, s[:i])
		if s = s[i:]; len(s) < 2 {
			return dst
		}
		c := s[1]
		s = s[2:]
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			var r rune
			r, s = unescapeRune(s)
			dst = utf8.AppendRune(dst, r)
		default: // a quote, a slash, a backslash
			dst = append(dst, c)
		}
	}
	return dst
}

// unescapeRune reads four hexadecimal digits and, after a high surrogate, the
// escaped low one.
func unescapeRune(s []byte) (rune, []byte) {
	r, s := hex4(s)
	if !utf16.IsSurrogate(r) {
		return r, s
	}
	if len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
		low, rest := hex4(s[2:])
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			return both, rest
		}
	}
	return utf8.RuneError, s
}

// hex4 reads four hexadecimal digits; without them the result is U+FFFD.
func hex4(s []byte) (r rune, rest []byte) {
	for i := range 4 {
		if i == len(s) {
			return utf8.RuneError, s[i:]
		}
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return utf8.RuneError, s[i:]
		}
		r = r<<4 | rune(c)
	}
	return r, s[4:]
}

// appendValid appends text, each byte that is not UTF-8 as U+FFFD.
func appendValid(dst, s []byte) []byte {
	if utf8.Valid(s) {
		return append(dst, s...)
	}
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		dst, s = utf8.AppendRune(dst, r), s[n:]
	}
	return dst
}
