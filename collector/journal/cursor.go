package journal

import (
	"encoding/hex"
	"fmt"
	"math/bits"
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
	putHex(text[:16], le.Uint64(id[:]))
	putHex(text[16:], le.Uint64(id[8:]))
	return append(dst, text[:]...)
}

// appendHex appends a number in hexadecimal digits.
func appendHex(dst []byte, n uint64) []byte {
	var text [16]byte
	putHex(text[:], bits.ReverseBytes64(n))
	return append(dst, text[min(bits.LeadingZeros64(n)/4, 15):]...)
}

// putHex writes eight bytes, the lowest one first, as 16 hexadecimal digits. It makes all
// digits at once: most of the time of a cursor's text is that of its digits.
func putHex(dst []byte, n uint64) {
	le.PutUint64(dst, hexOf(spread(uint32(n))))
	le.PutUint64(dst[8:], hexOf(spread(uint32(n>>32))))
}

// spread puts the upper half of each of four bytes into a byte of its own, and the lower half
// into the next one.
func spread(n uint32) uint64 {
	x := uint64(n)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	return x>>4&0x000f000f000f000f | x<<8&0x0f000f000f000f00
}

// hexOf makes digits of eight numbers below 16.
func hexOf(n uint64) uint64 {
	const ones = 0x0101010101010101
	letters := (n + 6*ones) >> 4 & ones // 1 for each number above 9
	return n + '0'*ones + letters*('a'-'0'-10)
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
