package recording

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/session/wire"
)

// Events are those of a Reader, or of a Joined.
type Events interface {
	Next() (Event, error)
}

// Export writes a recording as players read it, in version 2 or 3 of asciicast. What is missing is
// a marker. A recording that ends in the middle is written as far as it goes, and then ErrCut
// returned.
func Export(w io.Writer, version int, h Header, in Events) error {
	out := bufio.NewWriterSize(w, 64<<10)
	h.Daytwo = nil
	var header any = h
	if version == 3 {
		header = map[string]any{"version": 3, "timestamp": h.Timestamp, "command": h.Command,
			"term": map[string]int{"cols": h.Width, "rows": h.Height}}
	}
	b, err := json.Marshal(header)
	if err != nil {
		return err
	}
	out.Write(append(b, '\n')) // an error stays until Flush
	var last time.Duration
	for {
		e, err := in.Next()
		if err == io.EOF || errors.Is(err, ErrCut) {
			if err == io.EOF {
				err = nil
			}
			return errors.Join(out.Flush(), err)
		}
		if err != nil {
			return errors.Join(out.Flush(), err)
		}
		at := e.At
		if version == 3 {
			at, last = e.At-last, e.At
		}
		kind, text := string(e.Kind), e.Text
		switch e.Kind {
		case Gap:
			kind, text = "m", e.Missing()
		case Exit:
			text = strconv.Itoa(e.Code)
		}
		line, err := json.Marshal([]any{json.RawMessage(strconv.FormatFloat(max(0, at.Seconds()), 'f', 6, 64)), kind, text})
		if err != nil {
			return err
		}
		out.Write(append(line, '\n'))
	}
}

// Missing says how much of the output is missing at a Gap.
func (e *Event) Missing() string {
	name := "output"
	if e.Stream == wire.Stderr {
		name = "standard error"
	}
	return fmt.Sprintf("%d bytes of %s are missing here", e.To-e.From, name)
}
