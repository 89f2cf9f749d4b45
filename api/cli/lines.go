package cli

import (
	"bytes"
	"io"
	"sync"
)

// maxLine bounds the line that a lineWriter keeps: a longer one is written in pieces.
const maxLine = 64 << 10

// lineWriter writes one of several outputs that share a destination, in whole lines: what is
// written to it without a line's end waits for that.
type lineWriter struct {
	format func(dst, line []byte, whole bool) []byte // appends a line as it is shown
	w      io.Writer
	shared *sync.Mutex // held while w is written to
	rest   []byte      // the beginning of a line
	out    []byte
}

// Write implements io.Writer.
func (l *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, after, found := bytes.Cut(p, []byte("\n"))
		if !found {
			break
		}
		if len(l.rest) > 0 {
			l.rest = append(l.rest, line...)
			line = l.rest
		}
		l.out = l.format(l.out, line, true)
		l.rest, p = l.rest[:0], after
	}
	if l.rest = append(l.rest, p...); len(l.rest) >= maxLine {
		l.cut()
	}
	return n, l.flush()
}

// Close writes what has come without a line's end.
func (l *lineWriter) Close() error {
	if len(l.rest) > 0 {
		l.cut()
	}
	return l.flush()
}

// cut formats the beginning of a line as if it were one.
func (l *lineWriter) cut() {
	l.out = l.format(l.out, l.rest, false)
	l.rest = l.rest[:0]
}

func (l *lineWriter) flush() error {
	if len(l.out) == 0 {
		return nil
	}
	l.shared.Lock()
	defer l.shared.Unlock()
	_, err := l.w.Write(l.out)
	l.out = l.out[:0]
	return err
}
