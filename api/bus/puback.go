package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// JetStream acknowledges a message by publishing JSON to its reply subject
// (ADR-1): {"stream":"…","seq":1}, or {"error":{…}}. A header with status 503
// comes instead where no stream listens on the subject.

// ErrNoStream is the error of a message whose subject no stream takes.
var ErrNoStream = errors.New("no stream takes them: is the relay or `daytwo up` running, which makes it? " +
	"A NATS server whose disk was full has JetStream disabled until it is started again")

// ErrNoAck is the error of a message that was not acknowledged in time. A server that cannot
// write does not answer at all, and takes nothing more into the stream until it is started
// again.
var ErrNoAck = errors.New("no acknowledgement in time: if the log of the NATS server says that its disk is full, " +
	"free space there, and start it again")

// RefusedError is the error of a message that a stream will never take, as it is too
// large for it.
type RefusedError struct{ Err error }

func (e RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns what the stream said.
func (e RefusedError) Unwrap() error { return e.Err }

// IsRefused reports whether err is or wraps a RefusedError. It allocates only if err is
// not nil.
func IsRefused(err error) bool {
	if err == nil {
		return false
	}
	var refused RefusedError
	return errors.As(err, &refused)
}

// Codes of API errors that are about the message itself.
const (
	codeMessageTooLarge = 10054
	codeHeaderTooLarge  = 10097
)

// ReplyNumberSize is the length of a number at the end of a reply subject, in bytes.
const ReplyNumberSize = 16

// PutReplyNumber writes a number at the end of a reply subject, over its last
// ReplyNumberSize bytes. The acknowledgement of a message is found by it.
func PutReplyNumber(subject []byte, n uint64) {
	const hex = "0123456789abcdef"
	tail := subject[len(subject)-ReplyNumberSize:]
	for i := range tail {
		tail[i] = hex[n>>(60-4*i)&15]
	}
}

// ReplyNumber returns the number that PutReplyNumber wrote. It returns false if there is
// none.
func ReplyNumber(subject string) (n uint64, ok bool) {
	if len(subject) < ReplyNumberSize {
		return 0, false
	}
	for _, c := range []byte(subject[len(subject)-ReplyNumberSize:]) {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

var (
	errorKey = []byte(`"error":`)
	seqKey   = []byte(`"seq":`)
)

// ParsePubAck returns nil if the answer to a message says that a stream has stored it,
// else why not: ErrNoStream, a RefusedError, or an error that may pass.
func ParsePubAck(m *nats.Msg) error {
	if m.Header != nil && m.Header.Get("Status") == "503" {
		return ErrNoStream
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
	switch c := answer.Error.ErrCode; {
	case c == codeMessageTooLarge || c == codeHeaderTooLarge:
		return RefusedError{err}
	case isNoRoom(c), strings.Contains(answer.Error.Description, "no space left on device"):
		return fmt.Errorf("%w: free space on the disk of the NATS server, then start it again", err)
	}
	return err
}
