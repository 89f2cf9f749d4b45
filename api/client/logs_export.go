package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"

	"github.com/daytwo/daytwo/api/v1"
)

// exportFormat is the media type of the journal export format.
const exportFormat = "application/vnd.fdo.journal"

// ExportedEntry is an entry in the journal export format.
type ExportedEntry struct {
	Bytes  []byte       // with the empty line at its end; valid until the next entry
	Notice *v1.LogEntry // instead, what this client says itself: Reconnecting
}

// LogsExport is Logs in the journal export format: each entry is whole, and a stream that
// breaks goes on after the last one.
func (c *Client) LogsExport(ctx context.Context, q url.Values) iter.Seq2[ExportedEntry, error] {
	return func(yield func(ExportedEntry, error) bool) {
		f := c.newFollower(q, exportFormat, func(r io.Reader, _ func()) func() (logRecord, error) {
			return (&exportReader{r: bufio.NewReaderSize(r, 64<<10)}).next
		})
		f.yield = func(rec logRecord) bool {
			if rec.export == nil {
				return yield(ExportedEntry{Notice: rec.LogEntry}, nil)
			}
			return yield(ExportedEntry{Bytes: rec.export}, nil)
		}
		if err := f.run(ctx); err != nil {
			yield(ExportedEntry{}, err)
		}
	}
}

// exportReader cuts a stream in the journal export format
// (https://systemd.io/JOURNAL_EXPORT_FORMATS) into entries.
type exportReader struct {
	r     *bufio.Reader
	buf   []byte
	entry v1.LogEntry
}

var (
	cursorField = []byte("__CURSOR=")
	eventField  = []byte("DAYTWO_EVENT=")
)

// next returns the next entry, valid until the next call. A stream that ends within one is
// io.ErrUnexpectedEOF.
func (x *exportReader) next() (logRecord, error) {
	x.buf, x.entry = x.buf[:0], v1.LogEntry{}
	for {
		begin := len(x.buf)
		err := x.line()
		line := x.buf[begin:]
		switch {
		case err == io.EOF && len(x.buf) == 0:
			return logRecord{}, io.EOF
		case err == io.EOF:
			return logRecord{}, io.ErrUnexpectedEOF
		case err != nil:
			return logRecord{}, err
		case len(line) == 1 && begin == 0: // one empty line more than there must be
			x.buf = x.buf[:0]
			continue
		case len(line) == 1:
			if x.entry.Cursor != "" {
				x.entry.Event = "" // anybody may write a field of this name, but events have no cursor
			}
			return logRecord{LogEntry: &x.entry, export: x.buf}, nil
		}
		if bytes.IndexByte(line, '=') < 0 {
			if err := x.value(); err != nil {
				return logRecord{}, err
			}
			continue
		}
		if v, ok := bytes.CutPrefix(line[:len(line)-1], cursorField); ok && begin == 0 {
			x.entry.Cursor = string(v)
		} else if v, ok := bytes.CutPrefix(line[:len(line)-1], eventField); ok {
			x.entry.Event = string(v)
		}
	}
}

// line reads up to the end of a line.
func (x *exportReader) line() error {
	for {
		part, err := x.r.ReadSlice('\n')
		if err := x.grow(uint64(len(part))); err != nil {
			return err
		}
		x.buf = append(x.buf, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// value reads a value that follows its length.
func (x *exportReader) value() error {
	var size [8]byte
	if _, err := io.ReadFull(x.r, size[:]); err != nil {
		return inEntry(err)
	}
	n := binary.LittleEndian.Uint64(size[:])
	if err := x.grow(n); err != nil {
		return err
	}
	x.buf = append(x.buf, size[:]...)
	begin := len(x.buf)
	x.buf = slices.Grow(x.buf, int(n)+1)[:begin+int(n)+1]
	if _, err := io.ReadFull(x.r, x.buf[begin:]); err != nil {
		return inEntry(err)
	}
	if x.buf[len(x.buf)-1] != '\n' {
		return errors.New("the relay's answer is malformed: no line ends where a value does")
	}
	return nil
}

// inEntry is the error of a stream that ended before its entry did.
func inEntry(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// grow returns an error if an entry gets too large with n more bytes.
func (x *exportReader) grow(n uint64) error {
	if n > maxLogLine || uint64(len(x.buf))+n > maxLogLine {
		return fmt.Errorf("an entry has more than %d MiB", maxLogLine>>20)
	}
	return nil
}
