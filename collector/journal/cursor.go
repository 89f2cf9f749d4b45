package journal

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Cursor is the place of an entry, in journald's own form: it is valid in every
// reader of the same journals.
type Cursor struct {
	SeqnumID  ID
	Seqnum    uint64
	Boot      ID
	Monotonic uint64 // microseconds
	Realtime  uint64 // microseconds since 1970
	XorHash   uint64
	has       cursorPart
}

// cursorPart is a part of a cursor.
type cursorPart uint8

const (
	hasSeqnumID cursorPart = 1 << iota
	hasSeqnum
	hasBoot
	hasMonotonic
	hasRealtime
	hasXorHash
	hasAll = hasSeqnumID | hasSeqnum | hasBoot | hasMonotonic | hasRealtime | hasXorHash
)

// entry is the head of the entry that a cursor is of.
func (c *Cursor) entry() entry {
	return entry{
		seqnumID: c.SeqnumID, seqnum: c.Seqnum, boot: c.Boot, monotonic: c.Monotonic,
		realtime: c.Realtime, xorHash: c.XorHash,
	}
}

const hexDigits = "0123456789abcdef"

func (id ID) String() string { return hex.EncodeToString(id[:]) }

func (id ID) append(dst []byte) []byte {
	var text [2 * len(id)]byte
	for i, b := range id {
		text[2*i], text[2*i+1] = hexDigits[b>>4], hexDigits[b&15]
	}
	return append(dst, text[:]...)
}

// appendHex appends a number in hexadecimal digits, as strconv.AppendUint does in twice
// the time.
func appendHex(dst []byte, n uint64) []byte {
	var text [16]byte
	i := len(text)
	for {
		i--
		text[i] = hexDigits[n&15]
		if n >>= 4; n == 0 {
			return append(dst, text[i:]...)
		}
	}
}

// ParseID reads an id of 32 hexadecimal digits, with or without dashes.
func ParseID(s string) (id ID, err error) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("id %.80q: use 32 hexadecimal digits", s)
	}
	return ID(b), nil
}

func (c *Cursor) String() string { return string(c.append(nil)) }

func (c *Cursor) append(dst []byte) []byte {
	dst = c.SeqnumID.append(append(dst, "s="...))
	dst = appendHex(append(dst, ";i="...), c.Seqnum)
	dst = c.Boot.append(append(dst, ";b="...))
	dst = appendHex(append(dst, ";m="...), c.Monotonic)
	dst = appendHex(append(dst, ";t="...), c.Realtime)
	return appendHex(append(dst, ";x="...), c.XorHash)
}

// ParseCursor reads a cursor. As sd_journal_seek_cursor(3) has it, parts may
// miss, if a sequence number with its id or a time is left.
func ParseCursor(s string) (Cursor, error) {
	var c Cursor
	bad := fmt.Errorf("cursor %.200q: use one that a log entry came with", s)
	for part := range strings.SplitSeq(s, ";") {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return c, bad
		}
		var err error
		number := func(into *uint64, bit cursorPart) {
			*into, err = strconv.ParseUint(value, 16, 64)
			c.has |= bit
		}
		switch key {
		case "s":
			c.SeqnumID, err = ParseID(value)
			c.has |= hasSeqnumID
		case "i":
			number(&c.Seqnum, hasSeqnum)
		case "b":
			c.Boot, err = ParseID(value)
			c.has |= hasBoot
		case "m":
			number(&c.Monotonic, hasMonotonic)
		case "t":
			number(&c.Realtime, hasRealtime)
		case "x":
			number(&c.XorHash, hasXorHash)
		}
		if err != nil {
			return c, bad
		}
	}
	const numbered, timed = hasSeqnumID | hasSeqnum, hasBoot | hasMonotonic
	if c.has&numbered != numbered && c.has&timed != timed && c.has&hasRealtime == 0 {
		return c, bad
	}
	return c, nil
}

// AppendText appends a cursor's text form.
func (c *Cursor) AppendText(dst []byte) ([]byte, error) { return c.append(dst), nil }

// Whole reports whether a cursor names one entry, and not only a time.
func (c *Cursor) Whole() bool { return c.has == hasAll }

// SameEntry reports whether two whole cursors are of one entry, perhaps of two copies of
// it: journald copies /run/log/journal to /var/log/journal under new sequence numbers.
func (c *Cursor) SameEntry(o *Cursor) bool {
	return c.Boot == o.Boot && c.Monotonic == o.Monotonic && c.Realtime == o.Realtime && c.XorHash == o.XorHash
}
