package gateway

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"strconv"
	"strings"
	"unsafe"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// A cursor over several agents is "m1." and, in base64 for URLs, one record of 18 bytes (24
// characters) for each agent: the first 6 bytes of a hash of its id, the kind of its
// position and the direction of reading (1 byte), a time (7 bytes, microseconds since 1970,
// big endian), and a hash of the agent's own cursor (4 bytes). The entry of a position is
// the one, among those that the query selects, with this time and a cursor with this hash:
// a whole cursor would take four times the space. Records do not depend on one another, so
// that each entry that is read changes one of them.
//
// An agent's own cursor may hold more than the name of an entry: a position in each of the
// agent's sources. Such cursors follow unchanged, each as "~", the number of the record,
// ":" and the cursor, if all of them together take at most maxPlaces. Otherwise they are
// left out, and an agent with several sources continues at the entry alone: an entry of
// another source that arrived late is missed then.
const (
	cursorPrefix = "m1."
	maxPlaces    = 16 << 10 // bytes
	recordBytes  = 18
	recordChars  = recordBytes / 3 * 4
)

// kind says what a position is.
type kind byte

const (
	atBegin kind = iota // where the query begins
	after               // after an entry, in the order of the journal; in a cursor, in that of reading
	since               // at a time: entries of that time and after it come
	atEnd               // after all entries, where a query in reverse begins
	before              // before an entry, in the order of the journal; in no cursor
)

// Flags beside the kind in a cursor.
const (
	current  = 0x80 // the cursor is of this agent's entry
	reversed = 0x40 // the query reads in reverse
)

// position is how far a query has read at an agent.
type position struct {
	kind kind
	time int64
	hash uint32 // of the agent's own cursor, of kind after

	current, reversed bool   // of a position in a cursor
	own               string // the agent's own cursor, if the cursor of the query holds it
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// hashCursor is a hash of the entry's name in an agent's own cursor.
func hashCursor(cursor string) uint32 {
	cursor = entry.CursorID(cursor)
	return crc32.Checksum(unsafe.Slice(unsafe.StringData(cursor), len(cursor)), castagnoli)
}

// agentHash identifies an agent in a cursor.
type agentHash [6]byte

func hashAgent(id string) (h agentHash) {
	f := fnv.New64a()
	f.Write([]byte(id))
	var b [8]byte
	copy(h[:], f.Sum(b[:0]))
	return h
}

// vector is the text of a cursor, in which the position of an agent can be changed.
type vector struct{ text []byte }

func newVector(agents int) vector {
	return vector{append([]byte(cursorPrefix), make([]byte, agents*recordChars)...)}
}

func (v *vector) set(i int, agent agentHash, p position) {
	var b [recordBytes]byte
	copy(b[:], agent[:])
	binary.BigEndian.PutUint64(b[6:], uint64(p.time)) // its first byte is 0 until the year 4253
	b[6] = byte(p.kind)
	if p.current {
		b[6] |= current
	}
	if p.reversed {
		b[6] |= reversed
	}
	binary.BigEndian.PutUint32(b[14:], p.hash)
	base64.RawURLEncoding.Encode(v.text[len(cursorPrefix)+i*recordChars:][:recordChars], b[:])
}

// add appends room for one more agent.
func (v *vector) add() { v.text = append(v.text, make([]byte, recordChars)...) }

// string returns the cursor, which is valid until the next change.
func (v *vector) string() string { return unsafe.String(unsafe.SliceData(v.text), len(v.text)) }

// isVector reports whether a cursor is one over several agents.
func isVector(cursor string) bool { return strings.HasPrefix(cursor, cursorPrefix) }

// parseVector returns the positions in a cursor, and the newest time in it.
func parseVector(cursor string, maxAgents int) (map[agentHash]position, int64, error) {
	text, places, _ := strings.Cut(strings.TrimPrefix(cursor, cursorPrefix), "~")
	bad := func(why string) (map[agentHash]position, int64, error) {
		return nil, 0, fmt.Errorf("%w: %s", query.ErrBadCursor, why)
	}
	if len(text)%recordChars != 0 || len(text) == 0 {
		return bad("it was cut, or is of no use here")
	}
	if len(text)/recordChars > maxAgents {
		return bad("it is of too many agents")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return bad("it has characters that do not belong there")
	}
	all := make(map[agentHash]position, len(b)/recordBytes)
	own := map[int]string{}
	for place := range strings.SplitSeq(places, "~") {
		number, c, _ := strings.Cut(place, ":")
		if i, err := strconv.Atoi(number); err == nil {
			own[i] = c
		}
	}
	newest := int64(0)
	for i := 0; len(b) > 0; i, b = i+1, b[recordBytes:] {
		var p position
		p.kind, p.current, p.reversed = kind(b[6]&^(current|reversed)), b[6]&current != 0, b[6]&reversed != 0
		var t [8]byte
		copy(t[1:], b[7:14])
		p.time, p.hash = int64(binary.BigEndian.Uint64(t[:])), binary.BigEndian.Uint32(b[14:18])
		if p.kind > atEnd {
			return bad("it is of another version")
		}
		p.own = own[i]
		all[agentHash(b[:6])] = p
		newest = max(newest, p.time)
	}
	return all, newest, nil
}
