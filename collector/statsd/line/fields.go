package line

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// fields parses the fields that start at the '|' at i, in any order. If a field occurs
// twice, the last one wins. Unknown fields are ignored.
func (p *Parser) fields(b []byte, i int, l *Line) Reason {
	for i < len(b) {
		i++ // the '|'
		if i == len(b) {
			break
		}
		switch c := b[i]; {
		case c == '#':
			var n int
			if l.TagSep != ':' {
				return BadTags // tags in two styles
			}
			start := i + 1
			i, n = l.scanTags(b, start)
			if n > MaxTags {
				return BadTags
			}
			l.Tags = b[start:i]
		case c == '@':
			v, end, ok := number(b, i+1)
			if !ok || !(v > 0 && v <= 1) || end < len(b) && b[end] != '|' || v < minRate {
				return BadRate
			}
			l.Rate, i = v, end
		case c == 'T':
			v, end := digits(b, i+1)
			if end-i > 18 || end < len(b) && b[end] != '|' {
				end = fieldEnd(b, i)
				v, _ = integer(b[i+1 : end])
			}
			if v < 1 {
				return BadTimestamp
			}
			l.Timestamp, i = v, end
		default:
			end := fieldEnd(b, i)
			l.originField(b[i:end])
			i = end
		}
	}
	return Accepted
}

// minRate is the smallest rate. It limits the weight of a sample, 1/rate, so that sums
// of weights stay finite. Values up to safeValue stay finite when multiplied by any such
// weight.
const (
	minRate   = 1e-300
	safeValue = 1e8
)

// originField parses a field that identifies the sender.
func (l *Line) originField(f []byte) {
	switch {
	case len(f) > 1 && f[0] == 'c' && f[1] == ':':
		l.ContainerID = f[2:]
	case len(f) > 1 && f[0] == 'e' && f[1] == ':':
		l.External = f[2:]
	case len(f) > 4 && string(f[:5]) == "card:":
		l.Cardinality = f[5:]
	}
}

// fieldEnd returns the index of the next '|' from i on, or len(b).
func fieldEnd(b []byte, i int) int {
	if k := bytes.IndexByte(b[i:], '|'); k >= 0 {
		return i + k
	}
	return len(b)
}

// internal is the prefix of Datadog's internal tags.
const (
	internal = "dd.internal."
	entity   = "dd.internal.entity_id:"
)

// scanTags hashes the tags from i up to a '|' or the end. It adds up the hashes of the
// tags, so that their order does not matter.
func (l *Line) scanTags(b []byte, i int) (end, n int) {
	var sum uint64
	seed := tagSeed
	h, start := seed, i
	l.Hidden, l.Entity = false, nil
	for {
		var w uint64
		var k int
		if i+8 <= len(b) {
			w = binary.LittleEndian.Uint64(b[i:])
			m := marks(w, ',', '|')
			if m == 0 {
				h = fold(h^w, prime1)
				i += 8
				continue
			}
			k = bits.TrailingZeros64(m) >> 3
		} else {
			w = loadEnd(b, i)
			k = min(bits.TrailingZeros64(marks(w, ',', '|'))>>3, len(b)-i)
		}
		i += k
		if i > start {
			w &= 1<<(8*uint(k)&63) - 1
			sum += fold(h^w, prime2^uint64(i-start))
			n++
			if i-start >= len(internal) && b[start] == 'd' && b[start+1] == 'd' {
				l.internalTag(b[start:i])
			}
		}
		if i >= len(b) || b[i] == '|' {
			break
		}
		i++
		h, start = seed, i
	}
	l.Hash = sum
	return i, n
}

// internalTag stores the value of one of Datadog's internal tags, which are not tags of
// the metric.
func (l *Line) internalTag(b []byte) {
	if !bytes.HasPrefix(b, []byte(internal)) {
		return
	}
	l.Hidden = true
	if bytes.HasPrefix(b, []byte(entity)) {
		l.Entity = b[len(entity):]
	}
}
