package frame

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	version    = 1
	prefixSize = 8 // magic, version, CRC

	hasEvents Codec = 1 << 7 // flag in the codec's byte: see Header.Events
)

var magic = [3]byte{'d', '2', 'f'}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// corrupt returns an error that wraps ErrCorrupt.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// appendHeader appends everything before the body. seal fills in the CRC.
func appendHeader(dst []byte, h *Header, c Codec, rawBody int) []byte {
	if h.Events {
		c |= hasEvents
	}
	dst = append(dst, magic[0], magic[1], magic[2], version, 0, 0, 0, 0, byte(c))
	dst = binary.AppendUvarint(dst, uint64(len(h.Agent)))
	dst = append(dst, h.Agent...)
	dst = binary.LittleEndian.AppendUint64(dst, h.Boot)
	dst = binary.AppendUvarint(dst, h.Seq)
	dst = binary.AppendUvarint(dst, h.Seq-h.Key)
	dst = binary.AppendVarint(dst, h.Time)
	dst = binary.AppendVarint(dst, h.Interval)
	dst = binary.AppendUvarint(dst, uint64(h.Part))
	dst = binary.AppendUvarint(dst, uint64(h.Parts))
	return binary.AppendUvarint(dst, uint64(rawBody))
}

// seal fills in the CRC of a complete frame.
func seal(f []byte) {
	binary.LittleEndian.PutUint32(f[4:], crc32.Checksum(f[prefixSize:], castagnoli))
}

// envelope is the part of a frame's head that describes the body.
type envelope struct {
	codec Codec
	raw   int // size of the decompressed body, bytes
	body  int // offset of the compressed body
}

// Peek decodes the header of a frame. It checks the magic number, the version and the
// limits, but not the checksum: see Verify.
func Peek(data []byte) (Header, error) {
	var h Header
	_, err := parseHeader(data, &h)
	return h, err
}

// Verify checks a frame's CRC32C, which covers the header and the body.
func Verify(data []byte) error {
	if err := checkPrefix(data); err != nil {
		return err
	}
	if crc32.Checksum(data[prefixSize:], castagnoli) != binary.LittleEndian.Uint32(data[4:]) {
		return corrupt("checksum does not match")
	}
	return nil
}

func checkPrefix(data []byte) error {
	if len(data) < prefixSize || [3]byte(data) != magic {
		return corrupt("not a frame")
	}
	if data[3] != version {
		return ErrVersion
	}
	return nil
}

// parseHeader decodes the header into h. It does not allocate if h.Agent is unchanged.
func parseHeader(data []byte, h *Header) (envelope, error) {
	var env envelope
	if err := checkPrefix(data); err != nil {
		return env, err
	}
	r := reader{b: data, pos: prefixSize}
	env.codec = Codec(r.byte())
	h.Events = env.codec&hasEvents != 0
	env.codec &^= hasEvents
	agent := r.bytes(r.count(MaxAgent))
	boot := r.bytes(8)
	seq := r.uvarint()
	back := r.uvarint()
	h.Time = r.varint()
	h.Interval = r.varint()
	part := r.count(MaxParts)
	parts := r.count(MaxParts)
	env.raw = r.count(MaxBody)
	env.body = r.pos
	if r.bad {
		return env, corrupt("header is cut or exceeds a limit")
	}
	if env.codec > maxCodec {
		return env, corrupt("unknown codec %d", env.codec)
	}
	if len(agent) == 0 || seq == 0 || back >= seq || part >= parts {
		return env, corrupt("header has impossible values")
	}
	if h.Agent != string(agent) {
		h.Agent = string(agent)
	}
	h.Boot = binary.LittleEndian.Uint64(boot)
	h.Seq, h.Key = seq, seq-back
	h.Part, h.Parts = uint16(part), uint16(parts)
	return env, nil
}
