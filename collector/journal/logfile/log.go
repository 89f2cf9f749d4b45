package logfile

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

// Options of a Log.
type Options struct {
	Format Format // default: as FormatOf says
	// Attempts takes in the files of all starts of a container of a pod: with it, the
	// path 3.log stands for 0.log, 1.log and so on, each with those rotated from it.
	Attempts bool
	// Started are times at which the container is known to have been started. A line
	// without end from before one of them does not go on after it.
	Started []time.Time
	// Watcher tells of changes. Without one, a reader that waits looks at its files
	// twenty times a second, and cannot tell how many files rotation removed unread.
	Watcher *Watcher
	// User is the user whose runtime named the path, 0 for root: files of anybody else are
	// refused, since a user can name any path.
	User uint32
	// Origin and Fields are added to each entry: what the runtime knows of the container.
	Origin entry.Origin
	Fields []entry.Field
}

// Log is the files of one container's log. It holds nothing open, and is safe for
// concurrent use.
type Log struct {
	path   string // of the live file
	format Format
	o      Options
}

// New returns the log whose live file has a path. Neither has to exist.
func New(path string, o Options) *Log {
	l := &Log{path: filepath.Clean(path), format: o.Format, o: o}
	if l.format == Auto {
		l.format = FormatOf(path)
	}
	return l
}

// Path returns the path of the live file.
func (l *Log) Path() string { return l.path }

// Look opens the live file and closes it, for whoever has to know whether its filesystem
// responds. A file that does not exist yet is no error.
func (l *Log) Look() error {
	f, _, err := openRegular(l.path, l.o.User)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}
