package client

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

const (
	maxSilence = 45 * time.Second // three pings of the server
	maxLogLine = 64 << 20         // bytes of one entry as JSON
)

// eventReader decodes a stream of server-sent events whose data is one v1.LogEntry each.
type eventReader struct {
	r     *bufio.Reader
	heard func() // called at each line
	line  []byte
}

func newEventReader(r io.Reader, heard func()) *eventReader {
	return &eventReader{r: bufio.NewReaderSize(r, 32<<10), heard: heard}
}

// next returns the next entry or event. Comments, which are the server's pings, are
// skipped. A stream that ends within an event is io.ErrUnexpectedEOF.
func (r *eventReader) next() (*v1.LogEntry, error) {
	var e *v1.LogEntry
	var id, event string
	for begun := false; ; {
		line, err := r.readLine()
		if err == io.EOF && (begun || len(line) > 0) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		r.heard()
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "": // a comment, or the empty line that ends an event
			if len(line) > 0 {
				continue
			}
			if e == nil {
				begun, id, event = false, "", ""
				continue
			}
			if e.Cursor == "" {
				e.Cursor = id
			}
			if e.Event == "" {
				e.Event = event
			}
			return e, nil
		case "id":
			id = string(value)
		case "event":
			event = string(value)
		case "data":
			if e != nil {
				return nil, errors.New("the relay's answer is malformed: an event with two lines of data")
			}
			e = new(v1.LogEntry)
			if err := json.Unmarshal(value, e); err != nil {
				return nil, fmt.Errorf("the relay's answer is malformed: %w", err)
			}
		}
		begun = true
	}
}

// readLine returns the next line without its newline. It is valid until the next call.
func (r *eventReader) readLine() ([]byte, error) {
	r.line = r.line[:0]
	for {
		part, err := r.r.ReadSlice('\n')
		if err == nil && len(r.line) == 0 {
			return bytes.TrimSuffix(part[:len(part)-1], []byte("\r")), nil
		}
		if len(r.line)+len(part) > maxLogLine {
			return nil, fmt.Errorf("an entry has more than %d MiB", maxLogLine>>20)
		}
		r.line = append(r.line, part...)
		switch {
		case err == nil:
			return bytes.TrimSuffix(r.line[:len(r.line)-1], []byte("\r")), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return r.line, err
		}
	}
}
