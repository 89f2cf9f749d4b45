package forward

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A stream begins with the port, two bytes, big-endian. What the client sends may follow at once.
// The other side answers with one byte, and after any but connected with a text to its end.
const (
	connected byte = iota
	refused        // nobody listens there
	forbidden      // the session is not for that port
)

// noPort is a port that no session is for.
const noPort = 0

const maxText = 512 // bytes of a text

// RefusedError is that there is no connection to a port.
type RefusedError struct {
	Port uint16
	Text string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("port %d: %s", e.Port, e.Text) }

func writePort(w io.Writer, port uint16) error {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], port)
	_, err := w.Write(b[:])
	return err
}

func readPort(r io.Reader) (uint16, error) {
	var b [2]byte
	_, err := io.ReadFull(r, b[:])
	return binary.BigEndian.Uint16(b[:]), err
}

// readAnswer returns nil if there is a connection. The text is the other side's, and shown on
// terminals: only what is plain of it is kept.
func readAnswer(r io.Reader, port uint16) error {
	var b [1]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return err
	}
	if b[0] == connected {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, maxText))
	if err != nil {
		return err
	}
	for i, c := range text {
		if c < ' ' || c > '~' {
			text[i] = '?'
		}
	}
	return &RefusedError{Port: port, Text: string(text)}
}

// writeAnswer says whether there is a connection, and if not, why.
func writeAnswer(w io.Writer, answer byte, text string) error {
	_, err := w.Write(append([]byte{answer}, text[:min(len(text), maxText)]...))
	return err
}
