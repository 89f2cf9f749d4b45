package recent

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/daytwo/daytwo/api/frame"
)

// posting is the list of one agent's records in one segment (a posting list of an
// index). Each record takes a few bytes, encoded relative to the one before it.
type posting struct {
	buf      []byte // the encoded records; nil once the segment is sealed and its file has the list
	off      int64  // the list's offset in a sealed segment's file
	size     uint32 // of the list in that file, bytes
	crc      uint32 // CRC32C of the list in that file
	min, max int64  // tick times of the records, without copied keyframes
	n        int    // records
	last     place  // the newest record, to which the next one is relative
}

// place is one record of a segment: the frame's header, and where its bytes are.
type place struct {
	frame.Header
	off     int64  // in the segment's file
	size    uint32 // of the record, bytes
	carried bool   // a copy of a keyframe from an earlier segment, so that this one can be read alone
}

func newPosting() *posting { return &posting{min: math.MaxInt64, max: math.MinInt64} }

const (
	flagCarried = 1 << iota
	flagFull    // the boot number, the interval and the number of parts follow
	flagEvents  // the frame has rows of kind Event
)

var errIndex = errors.New("a segment's index is corrupt")

// add appends a record to the list.
func (p *posting) add(r *place) {
	l := &p.last
	flags := byte(0)
	if r.carried {
		flags |= flagCarried
	}
	if p.n == 0 || r.Boot != l.Boot || r.Interval != l.Interval || r.Parts != l.Parts {
		flags |= flagFull
	}
	if r.Events {
		flags |= flagEvents
	}
	b := append(p.buf, flags)
	b = binary.AppendUvarint(b, uint64(r.off-l.off-int64(l.size)))
	b = binary.AppendUvarint(b, uint64(r.size))
	if flags&flagFull != 0 {
		b = binary.LittleEndian.AppendUint64(b, r.Boot)
		b = binary.AppendVarint(b, r.Interval)
		b = binary.AppendUvarint(b, uint64(r.Parts))
	}
	b = binary.AppendVarint(b, int64(r.Seq-l.Seq))
	b = binary.AppendVarint(b, int64(r.Seq-r.Key))
	b = binary.AppendVarint(b, r.Time-l.Time-r.Interval)
	if r.Parts > 1 {
		b = binary.AppendUvarint(b, uint64(r.Part))
	}
	p.buf = b
	if !r.carried {
		p.min, p.max = min(p.min, r.Time), max(p.max, r.Time)
	}
	p.last = *r
	p.n++
}

// each calls fn with every record of an encoded list, oldest first, until fn returns
// false. It returns errIndex if the list is corrupt.
func each(b []byte, fn func(*place) bool) error {
	var r place
	for len(b) > 0 {
		flags := b[0]
		if flags&^(flagCarried|flagFull|flagEvents) != 0 {
			return errIndex
		}
		rd := reader{b: b[1:]}
		gap, size := rd.uvarint(), rd.uvarint()
		if flags&flagFull != 0 {
			r.Boot = rd.fixed64()
			r.Interval = rd.varint()
			parts := rd.uvarint()
			if parts == 0 || parts > frame.MaxParts {
				return errIndex
			}
			r.Parts = uint16(parts)
		}
		if rd.bad || gap > 1<<48 || size > 1<<31 || r.Parts == 0 {
			return errIndex
		}
		r.off += int64(r.size) + int64(gap)
		r.size = uint32(size)
		r.carried, r.Events = flags&flagCarried != 0, flags&flagEvents != 0
		r.Seq += uint64(rd.varint())
		r.Key = r.Seq - uint64(rd.varint())
		r.Time += rd.varint() + r.Interval
		r.Part = 0
		if r.Parts > 1 {
			part := rd.uvarint()
			if part >= uint64(r.Parts) {
				return errIndex
			}
			r.Part = uint16(part)
		}
		if rd.bad || r.off < 0 {
			return errIndex
		}
		b = rd.b
		if !fn(&r) {
			return nil
		}
	}
	return nil
}
