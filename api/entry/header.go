package entry

import (
	"encoding/binary"
	"hash/crc32"
)

// Header says what a message contains: a batch, or a part of one.
type Header struct {
	Agent string // who made it, "" in an answer to a query
	Boot  uint64 // run of the sender: a number that grows
	Seq   uint64 // of the batch in that run
	Count int    // records in the batch
	Part  int    // of Parts, from 0
	Parts int    // messages of the batch; 1 for most

	size  int // of the records, in bytes
	codec codec
}

const (
	magic   = 0xE7
	version = 1
	trailer = 4 // bytes of the checksum
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// append appends the header.
func (h *Header) append(dst []byte) []byte {
	dst = append(dst, magic, version, byte(h.codec))
	for _, v := range [...]uint64{h.Boot, h.Seq, uint64(h.Count), uint64(h.size), uint64(h.Part), uint64(h.Parts),
		uint64(len(h.Agent))} {
		dst = binary.AppendUvarint(dst, v)
	}
	return append(dst, h.Agent...)
}

// parseHeader checks a message, and returns its header and the part of the body in it.
func parseHeader(p []byte) (h Header, body []byte, err error) {
	if len(p) < 3+trailer || p[0] != magic {
		return h, nil, ErrCorrupt
	}
	if p[1] != version {
		return h, nil, ErrNewer
	}
	sum := binary.LittleEndian.Uint32(p[len(p)-trailer:])
	p = p[:len(p)-trailer]
	if crc32.Checksum(p, castagnoli) != sum || p[2] > byte(maxCodec) {
		return h, nil, ErrCorrupt
	}
	h.codec = codec(p[2])
	r := input{b: p[3:]}
	h.Boot, h.Seq = r.uvarint(), r.uvarint()
	h.Count = r.count(MaxRecords)
	h.size = r.count(MaxBatch)
	h.Part, h.Parts = r.count(MaxParts), r.count(MaxParts)
	agent := r.bytes(MaxAgent)
	if r.bad || h.Parts < 1 || h.Part >= h.Parts || h.Count > h.size {
		return h, nil, ErrCorrupt
	}
	h.Agent = string(agent)
	return h, r.b, nil
}
