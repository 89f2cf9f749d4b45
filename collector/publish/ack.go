package publish

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// JetStream acknowledges a message by publishing JSON to its reply subject
// (ADR-1): {"stream":"…","seq":1}, or {"error":{…}}. A header with status 503
// comes instead where no stream listens on the subject.

var errNoStream = errors.New("no stream takes frames: is the relay or `daytwo up` running, which makes it?")

// refusedError is the error of a frame that the stream will never take.
type refusedError struct{ error }

// isRefused is a function of its own because the variable for errors.As is allocated.
func isRefused(err error) bool {
	var refused refusedError
	return errors.As(err, &refused)
}

// Codes of API errors that are about the message itself.
const (
	codeMessageTooLarge = 10054
	codeHeaderTooLarge  = 10097
)

type ack struct {
	number uint64
	err    error // nil = stored
}

const hexDigits = "0123456789abcdef"

// numberSize is the length of a number at the end of a reply subject.
const numberSize = 16

// putNumber writes a number at the end of a reply subject.
func putNumber(subject []byte, n uint64) {
	tail := subject[len(subject)-numberSize:]
	for i := range tail {
		tail[i] = hexDigits[n>>(60-4*i)&15]
	}
}

// number reads what putNumber wrote.
func number(subject string) (n uint64, ok bool) {
	if len(subject) < numberSize {
		return 0, false
	}
	for _, c := range []byte(subject[len(subject)-numberSize:]) {
		d := bytes.IndexByte([]byte(hexDigits), c)
		if d < 0 {
			return 0, false
		}
		n = n<<4 | uint64(d)
	}
	return n, true
}

var (
	errorKey = []byte(`"error":`)
	seqKey   = []byte(`"seq":`)
)

func parseAck(m *nats.Msg) error {
	if m.Header != nil && m.Header.Get("Status") == "503" {
		return errNoStream
	}
	if !bytes.Contains(m.Data, errorKey) {
		if bytes.Contains(m.Data, seqKey) {
			return nil
		}
		return fmt.Errorf("unknown answer %.100q", m.Data)
	}
	var answer struct {
		Error struct {
			Code        int    `json:"code"`
			ErrCode     int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return fmt.Errorf("unknown answer %.100q", m.Data)
	}
	err := fmt.Errorf("stream: %s (%d)", answer.Error.Description, answer.Error.ErrCode)
	if c := answer.Error.ErrCode; c == codeMessageTooLarge || c == codeHeaderTooLarge {
		return refusedError{err}
	}
	return err
}
