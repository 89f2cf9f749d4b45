package logfile

import (
	"errors"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
)

// Event returns what one of Reader's Errors says as an event of a stream of entries. How
// many lines are missing is not known: its Count is 0.
func Event(err error) *entry.Event {
	e := &entry.Event{Kind: entry.Unreadable, Time: time.Now().UnixMicro(), Message: sentence(err.Error())}
	var file *FileError
	var lost *LostError
	var bad *BadError
	var cut *CutError
	switch {
	case errors.As(err, &lost):
		e.Kind, e.Source = entry.Truncated, lost.Path
	case errors.As(err, &cut):
		e.Kind, e.Source = entry.PartialLost, cut.Path
	case errors.As(err, &bad):
		e.Source = bad.Path
	case errors.As(err, &file):
		e.Source = file.Path
	}
	return e
}

// sentence makes a sentence of an error.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:] + "."
}
