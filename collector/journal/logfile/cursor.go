package logfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Cursor is the place of a line. Its text form is
//
//	file;i=<file>;o=<offset>;t=<time>[;s=<n>][;1=<file>:<offset>][;2=<file>:<offset>]
//
// in hexadecimal digits: the file by the xxHash64 of its first record, which stays the
// same when the file is renamed, compressed or copied; the offset behind the line's
// last record, in the file without compression; the line's time in nanoseconds since
// 1970, for the case that the file is gone; n counts lines that ended at the same
// offset because the container did. 1 and 2 say where a line of stdout and of stderr
// begins that was not complete there: reading goes on from it.
type Cursor struct {
	file   uint64
	offset int64
	time   int64
	sub    int
	open   [streams]cursorMark
}

type cursorMark struct {
	file   uint64 // 0: none
	offset int64
}

// Whole reports whether the cursor is of a line, or behind one.
func (c *Cursor) Whole() bool { return c.file != 0 }

// Time returns the time of the cursor's line, in nanoseconds since 1970.
func (c *Cursor) Time() int64 { return c.time }

const cursorPrefix = "file;"

// IsCursor reports whether a text is to be a cursor of this package, and not one of
// journald.
func IsCursor(s string) bool { return strings.HasPrefix(s, cursorPrefix) }

// Append appends the text form.
func (c *Cursor) Append(b []byte) []byte {
	b = append(b, "file;i="...)
	b = strconv.AppendUint(b, c.file, 16)
	b = strconv.AppendInt(append(b, ";o="...), c.offset, 16)
	b = strconv.AppendInt(append(b, ";t="...), c.time, 16)
	if c.sub > 0 {
		b = strconv.AppendInt(append(b, ";s="...), int64(c.sub), 16)
	}
	for s, m := range c.open {
		if m.file != 0 {
			b = append(b, ';', '1'+byte(s), '=')
			b = append(strconv.AppendUint(b, m.file, 16), ':')
			b = strconv.AppendInt(b, m.offset, 16)
		}
	}
	return b
}

func (c Cursor) String() string { return string(c.Append(nil)) }

var errCursor = errors.New("not a cursor of a log file: use one that came with a line")

// ParseCursor parses the text form.
func ParseCursor(s string) (c Cursor, err error) {
	rest, ok := strings.CutPrefix(s, cursorPrefix)
	if !ok || len(s) > 256 {
		return c, fmt.Errorf("%w: %.64q", errCursor, s)
	}
	seen := 0
	for part := range strings.SplitSeq(rest, ";") {
		key, value, _ := strings.Cut(part, "=")
		ok := false
		switch key {
		case "i":
			c.file, ok = parseHex(value)
			seen |= 1
		case "o":
			c.offset, ok = parseOffset(value)
			seen |= 2
		case "t":
			c.time, ok = parseOffset(value)
			seen |= 4
		case "s":
			var n int64
			n, ok = parseOffset(value)
			ok = ok && n < 1<<16
			c.sub = int(n)
		case "1", "2":
			file, offset, _ := strings.Cut(value, ":")
			m := &c.open[key[0]-'1']
			if m.file, ok = parseHex(file); ok && m.file != 0 {
				m.offset, ok = parseOffset(offset)
			} else {
				ok = false
			}
		}
		if !ok {
			return Cursor{}, fmt.Errorf("%w: %.64q", errCursor, s)
		}
	}
	if seen != 7 || c.file == 0 {
		return Cursor{}, fmt.Errorf("%w: %.64q", errCursor, s)
	}
	return c, nil
}

func parseHex(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 16, 64)
	return n, err == nil
}

func parseOffset(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 16, 63)
	return int64(n), err == nil
}

// Cursor returns the cursor of the line that Next or Previous went to.
func (r *Reader) Cursor() Cursor {
	c := Cursor{offset: r.cur.end, time: r.curTime, sub: min(r.cur.sub, 1<<16-1)}
	if r.cur.f == nil {
		return c
	}
	c.file = r.cur.f.id
	for s, m := range r.cur.from {
		if m.f != nil {
			c.open[s] = cursorMark{m.f.id, m.start}
		}
	}
	return c
}
