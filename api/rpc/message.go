package rpc

import (
	"encoding/binary"
	"errors"
)

// A message is one byte that says its kind, and what that kind needs:
//
//	data    the offset of its first byte in the stream (uvarint), the bytes
//	credit  how many bytes the receiver has taken in all (uvarint), and for how many more
//	        it has room if that is more than Window (uvarint)
//	end     the length of a code (uvarint), the code, a message for people; without
//	        a code the direction ended well
//	ping    nothing: its sender is alive
//	stop    nothing: its sender reads no more
type kind byte

const (
	kindData kind = iota + 1
	kindCredit
	kindEnd
	kindPing
	kindStop
)

// message is a decoded message. Its bytes are those of the packet.
type message struct {
	kind   kind
	number uint64 // offset of data, bytes of credit
	window int    // of credit; 0 if it is not said
	data   []byte // of data
	err    *Error // of end; nil: it ended well
}

const (
	maxCode = 32
	maxText = 4096
)

var errMessage = errors.New("malformed message")

func appendData(dst []byte, offset uint64, data []byte) []byte {
	return append(binary.AppendUvarint(append(dst, byte(kindData)), offset), data...)
}

func appendCredit(dst []byte, taken uint64, window int) []byte {
	dst = binary.AppendUvarint(append(dst, byte(kindCredit)), taken)
	if window > Window {
		dst = binary.AppendUvarint(dst, uint64(window))
	}
	return dst
}

func appendEnd(dst []byte, err *Error) []byte {
	dst = append(dst, byte(kindEnd))
	if err == nil {
		return append(dst, 0)
	}
	code := err.Code
	if code == "" || len(code) > maxCode {
		code = Internal
	}
	dst = binary.AppendUvarint(dst, uint64(len(code)))
	return append(append(dst, code...), err.Message[:min(len(err.Message), maxText)]...)
}

// parseMessage decodes a message.
func parseMessage(p []byte) (m message, err error) {
	if len(p) == 0 {
		return m, errMessage
	}
	m.kind, p = kind(p[0]), p[1:]
	switch m.kind {
	case kindData, kindCredit:
		n := 0
		if m.number, n = binary.Uvarint(p); n <= 0 {
			return m, errMessage
		}
		if m.data = p[n:]; m.kind == kindData {
			break
		}
		if len(m.data) > 0 {
			window, n := binary.Uvarint(m.data)
			if n != len(m.data) || window <= Window || window > MaxWindow {
				return m, errMessage
			}
			m.window, m.data = int(window), nil
		}
	case kindEnd:
		size, n := binary.Uvarint(p)
		if n <= 0 || size > maxCode || size > uint64(len(p)-n) || len(p) > maxCode+maxText+2 {
			return m, errMessage
		}
		if p = p[n:]; size > 0 {
			m.err = &Error{Code: Code(p[:size]), Message: string(p[size:])}
		} else if len(p) > 0 {
			return m, errMessage
		}
	case kindPing, kindStop:
		if len(p) > 0 {
			return m, errMessage
		}
	default:
		return m, errMessage
	}
	return m, nil
}

// wantsAnswer reports whether the sender of a message to a stream that is not
// known has to be told: it goes on with the stream otherwise.
func wantsAnswer(p []byte) bool {
	return len(p) > 0 && (kind(p[0]) == kindData || kind(p[0]) == kindCredit || kind(p[0]) == kindPing)
}
