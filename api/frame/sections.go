package frame

import "encoding/binary"

// A section of sketches has three lists: heads and indexes, each preceded by its length,
// and the rest. Each list has similar values, which compress well.

func appendLists(body []byte, section uint64, heads, indexes, rest []byte) []byte {
	n := uvarintLen(len(heads)) + len(heads) + uvarintLen(len(indexes)) + len(indexes) + len(rest)
	body = binary.AppendUvarint(body, section)
	body = binary.AppendUvarint(body, uint64(n))
	body = binary.AppendUvarint(body, uint64(len(heads)))
	body = append(body, heads...)
	body = binary.AppendUvarint(body, uint64(len(indexes)))
	body = append(body, indexes...)
	return append(body, rest...)
}

func openLists(payload []byte) (heads, indexes, rest reader, ok bool) {
	p := reader{b: payload}
	heads.b = p.bytes(p.count(MaxBody))
	indexes.b = p.bytes(p.count(MaxBody))
	if p.bad {
		return heads, indexes, rest, false
	}
	rest.b = payload[p.pos:]
	return heads, indexes, rest, true
}

func uvarintLen(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}
