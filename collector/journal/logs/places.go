package logs

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logfile"
)

// The cursor of an entry of several sources is that of its own source; for a log file, ";c="
// and the id of the container; and what it takes to go on in the other sources, after
// entry.CursorRest:
//
//	the rest of the place in the journal, if the entry is of it
//	;e=<time>  that the entry counts as, if that is another one than its own
//	;w=<time>  from where sources that are not listed go on; without, they go on after the entry's time
//	;o=<list>  sources, separated by commas: a hash of the key, and the place after a colon, 0 for the
//	           head. One without a place goes on after the entry's time
//
// Times are hexadecimal microseconds since 1970. In places, "!" stands for ";".

// lateWithin is how much older than entries of other sources that were returned an entry
// may be that is written now. Who goes on at a cursor gets it all the same.
const lateWithin = 5_000_000 // microseconds

// maxPlaces bounds how many sources a cursor has the places of: those read last. In others
// that were read within lateWithin, an entry that comes late is missed by who goes on there.
const maxPlaces = 64

// kidPlace is what is known of where a source was read to.
type kidPlace struct {
	text []byte // of the place behind the entry that was returned last; empty if none was
	time int64  // that that entry counted as, merged.from at least
	hash uint32 // of the key
}

// newKid makes a source of a merged one; key is the id of the container.
func newKid(s source, key string) *kid {
	h := fnv.New32a()
	h.Write([]byte(key))
	return &kid{source: s, key: key, place: kidPlace{hash: h.Sum32()}}
}

// atHead is the place of a source that has returned nothing, and of which all comes.
const atHead = "0"

// begin notes the place of a source that goes on from where it is.
func (k *kid) begin(at int64) {
	k.place.time = at
	if k.place.text = k.appendPlace(k.place.text[:0]); len(k.place.text) == 0 {
		k.place.text = append(k.place.text, atHead...)
	}
}

// keepPlace notes the place of the entry that was returned last, before its source goes on.
func (m *merged) keepPlace() {
	if k := m.cur; k != nil && m.dir == forward && !k.head {
		k.place.text, k.place.time = k.appendPlace(k.place.text[:0]), max(k.time, m.from)
	}
}

// forget forgets where sources were read to. Entries before a time are none that come.
func (m *merged) forget(from int64) {
	m.from = from
	for _, k := range m.kids {
		k.place.text, k.place.time = k.place.text[:0], 0
	}
}

// appendPlaces appends what the cursor of the current entry has of the other sources.
func (m *merged) appendPlaces(dst []byte) []byte {
	if m.dir != forward {
		return dst // in reverse, time says it all: nothing comes
	}
	at, from, wide := m.cur.time, int64(math.MaxInt64), false
	if at > time.Now().UnixMicro()-2*lateWithin { // else nothing comes that is so old
		from, wide = max(at-lateWithin+1, m.from), true
	}
	late := func(k *kid) bool { return k != m.cur && k.head && k.realtime() < at }
	for _, k := range m.kids {
		if late(k) && len(k.place.text) == 0 {
			from, wide = min(from, k.realtime()), true
		}
	}
	if wide {
		dst = strconv.AppendInt(append(dst, ";w="...), from, 16)
	}
	listed := m.listed[:0]
	for _, k := range m.kids {
		if k != m.cur && len(k.place.text) > 0 && (late(k) || wide && k.place.time >= from) {
			listed = append(listed, k)
		}
	}
	if m.listed = listed; len(listed) == 0 {
		return dst
	}
	if len(listed) > maxPlaces {
		slices.SortFunc(listed, func(a, b *kid) int { return int(b.place.time - a.place.time) })
	}
	dst = append(dst, ";o="...)
	for i, k := range listed {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(k.place.hash), 16)
		if i < maxPlaces {
			dst = append(dst, ':')
			for _, c := range k.place.text {
				if c == ';' {
					c = '!'
				}
				dst = append(dst, c)
			}
		}
	}
	return dst
}

// mergedCursor is a cursor taken apart.
type mergedCursor struct {
	own  string // of the source
	key  string // of the source
	time int64  // that the entry counted as
	wide bool   // from is set
	from int64  // where sources go on that are not listed
	// others are places by the hashes of sources; "" to go on after time.
	others map[uint32]string
}

// cutCursor takes a cursor apart.
func cutCursor(text string) (c mergedCursor, err error) {
	text, rest, _ := strings.Cut(text, entry.CursorRest)
	c.own, c.key, _ = strings.Cut(text, ";c=")
	if logfile.IsCursor(c.own) {
		own, err := logfile.ParseCursor(c.own)
		if err != nil {
			return c, err
		}
		c.time = own.Time() / 1000
	} else {
		own, err := journal.ParseCursor(c.own)
		if err != nil {
			return c, err
		}
		c.time = int64(own.Realtime)
	}
	own, rest, _ := strings.Cut(rest, ";")
	if own != "" {
		c.own += entry.CursorRest + own
	}
	for part := range strings.SplitSeq(rest, ";") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "e":
			c.time, err = strconv.ParseInt(value, 16, 64)
		case "w":
			c.wide = true
			c.from, err = strconv.ParseInt(value, 16, 64)
		case "o":
			c.others, err = cutPlaces(value)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

func cutPlaces(list string) (map[uint32]string, error) {
	others := map[uint32]string{}
	for one := range strings.SplitSeq(list, ",") {
		hash, place, _ := strings.Cut(one, ":")
		n, err := strconv.ParseUint(hash, 16, 32)
		if err != nil || len(others) > maxLogFiles {
			return nil, fmt.Errorf("cursor: %.40q is no place of a source", one)
		}
		others[uint32(n)] = strings.ReplaceAll(place, "!", ";")
	}
	return others, nil
}

func (m *merged) seekCursor(text string, after bool) (event *entry.Event, err error) {
	c, err := cutCursor(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", query.ErrBadCursor, err)
	}
	m.reset()
	m.forget(0)
	if after {
		m.dir, m.last = forward, c.time
		if m.from = c.time; c.wide {
			m.from = c.from
		}
	}
	for _, k := range m.kids {
		place, listed := c.others[k.place.hash]
		switch {
		case k.key == c.key:
			e, err := k.seekCursor(c.own, after)
			if err != nil {
				return nil, err
			}
			event = cmp.Or(event, e)
		case after && place == atHead:
			k.seekHead()
			k.place.text, k.place.time = append(k.place.text, place...), c.time
		case after && place != "":
			e, err := k.seekCursor(place, true)
			if err != nil {
				return nil, err
			}
			event = cmp.Or(event, e)
			k.place.text, k.place.time = append(k.place.text, place...), c.time
		case after && c.wide && !listed:
			k.seekTime(c.from)
		case k.key < c.key: // its entries of that very time are before the cursor's
			k.seekTime(c.time + 1)
		default:
			k.seekTime(c.time)
		}
	}
	return event, nil
}
