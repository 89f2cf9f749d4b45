package logfile

import (
	"bytes"
	"encoding/binary"
)

// splitLine finds the first line in b: n bytes with its newline, of which body is
// the content. n is 0 if the line is not complete. skip is how many bytes in front
// of it are none of its own: NULs, or what a crash left in front of NULs.
func splitLine(b []byte) (skip, n int, body []byte, err error) {
	if nuls := len(b) - len(bytes.TrimLeft(b, "\x00")); nuls > 0 {
		return nuls, 0, nil, nil
	}
	i := bytes.IndexByte(b, '\n')
	switch {
	case i > maxRecord || i < 0 && len(b) > maxRecord:
		return 0, i + 1, nil, errTooLong
	case i < 0:
		return 0, 0, nil, nil
	}
	// No record has a NUL in it, as JSON escapes it. CRI does not escape.
	return 0, i + 1, b[:i], nil
}

// splitLocal finds the first record of Docker's local driver in b: its length in
// four bytes, big-endian, the message, and the length again.
// Source: github.com/moby/moby/daemon/logger/local.
func splitLocal(b []byte) (skip, n int, body []byte, err error) {
	if nuls := len(b) - len(bytes.TrimLeft(b, "\x00")); nuls > 3 {
		return nuls - 3, 0, nil, nil // up to three belong to the length
	}
	for i := range min(4, len(b)) {
		if n := localRecord(b[i:]); n > 0 {
			return i, n, b[i+4 : i+n-4], nil
		}
	}
	if len(b) < 4 {
		return 0, 0, nil, nil
	}
	if size := binary.BigEndian.Uint32(b); size > 0 && size <= maxRecord && len(b) < int(size)+8 {
		return 0, 0, nil, nil
	}
	for i := 4; i < len(b); i++ {
		if localRecord(b[i:]) > 0 {
			return i, 0, nil, nil
		}
	}
	if len(b) > maxRecord+8 {
		return 0, len(b) - maxRecord, nil, errNotARecord
	}
	return 0, 0, nil, nil // perhaps the next one tells
}

// localRecord returns the size of the record that b begins with, 0 if it is none or
// not complete.
func localRecord(b []byte) int {
	if len(b) < 9 || b[0] != 0 || b[4] != 1<<3|2 { // the message begins with its source
		return 0
	}
	size := int(binary.BigEndian.Uint32(b))
	if size == 0 || size > maxRecord || len(b) < size+8 || int(binary.BigEndian.Uint32(b[4+size:])) != size {
		return 0
	}
	return size + 8
}
