package entry

import (
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// codec is the compression of a batch, as a byte of the wire format.
type codec uint8

const (
	raw       codec = 0
	s2Codec   codec = 1
	zstdCodec codec = 2

	maxCodec = zstdCodec
)

// Batches below rawBelow bytes are not compressed, and those below zstdFrom with S2, which
// is much faster than Zstandard is there.
const (
	rawBelow = 256
	zstdFrom = 16 << 10
)

func newZstdEncoder() *zstd.Encoder {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // the options are constants
	}
	return z
}

func newZstdDecoder() *zstd.Decoder {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxBatch), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return z
}

// compress appends compressed records to dst.
func (e *Encoder) compress(dst, records []byte, c codec) []byte {
	switch c {
	case zstdCodec:
		if e.zstd == nil {
			e.zstd = newZstdEncoder()
		}
		return e.zstd.EncodeAll(records, dst)
	case s2Codec:
		dst = slices.Grow(dst, s2.MaxEncodedLen(len(records)))
		return dst[:len(dst)+len(s2.Encode(dst[len(dst):cap(dst)], records))]
	}
	return append(dst, records...)
}

// codecFor returns how to compress so many bytes.
func codecFor(size int) codec {
	switch {
	case size < rawBelow:
		return raw
	case size < zstdFrom:
		return s2Codec
	}
	return zstdCodec
}

// uncompress returns the records of a body, whose size is known.
func (d *Decoder) uncompress(body []byte, h *Header) ([]byte, error) {
	switch h.codec {
	case raw:
		if len(body) != h.size {
			return nil, ErrCorrupt
		}
		return append(d.records[:0], body...), nil
	case s2Codec:
		if n, err := s2.DecodedLen(body); err != nil || n != h.size {
			return nil, ErrCorrupt
		}
		out, err := s2.Decode(slices.Grow(d.records[:0], h.size)[:h.size], body)
		if err != nil {
			return nil, ErrCorrupt
		}
		return out, nil
	}
	if d.zstd == nil {
		d.zstd = newZstdDecoder()
	}
	out, err := d.zstd.DecodeAll(body, slices.Grow(d.records[:0], h.size)[:0:h.size])
	if err != nil || len(out) != h.size {
		return nil, ErrCorrupt
	}
	return out, nil
}
