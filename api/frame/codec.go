package frame

import (
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Codec is the compression of a body, as a byte of the wire format.
type Codec uint8

const (
	Zstd Codec = 0 // Zstandard, fastest level: the default
	S2   Codec = 1 // S2: faster; 10% larger for small bodies, 33% for large ones
	Raw  Codec = 2 // not compressed

	maxCodec = Raw
)

// window bounds the memory of the compressor. Most bodies are smaller.
const window = 1 << 20

func newZstdEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(window),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false)) // the frame has a checksum of its own
}

func newZstdDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxBody),
		zstd.WithDecodeAllCapLimit(true))
}

// smallBody is the size up to which a body is compressed with S2 although the codec is
// Zstd. For small bodies, Zstd spends most of its time on tables that save few bytes; S2
// takes a fifth of the time for 10% more bytes.
const smallBody = 8 << 10

// codec returns how to compress a body.
func (e *Encoder) codec(body []byte) Codec {
	if e.opt.Codec == Zstd && len(body) <= e.small {
		return S2
	}
	return e.opt.Codec
}

// compress appends the compressed body to dst.
func (e *Encoder) compress(dst, body []byte, c Codec) []byte {
	switch c {
	case S2:
		dst = slices.Grow(dst, s2.MaxEncodedLen(len(body)))
		return dst[:len(dst)+len(s2.Encode(dst[len(dst):cap(dst)], body))]
	case Raw:
		return append(dst, body...)
	}
	return e.zstd.EncodeAll(body, dst)
}

// decompress returns the body of a frame, valid until the next call.
func (d *Decoder) decompress(src []byte, env envelope) ([]byte, error) {
	if env.codec == Raw {
		if len(src) != env.raw {
			return nil, corrupt("body has %d bytes, not %d", len(src), env.raw)
		}
		return src, nil
	}
	if cap(d.body) < env.raw {
		d.body = make([]byte, 0, env.raw+env.raw/8)
	}
	var body []byte
	var err error
	switch env.codec {
	case S2:
		if n, lenErr := s2.DecodedLen(src); lenErr != nil || n != env.raw {
			return nil, corrupt("body is not %d bytes of s2", env.raw)
		}
		body, err = s2.Decode(d.body[:env.raw], src)
	default:
		body, err = d.zstd.DecodeAll(src, d.body[:0:env.raw])
	}
	if err != nil {
		return nil, corrupt("body: %v", err)
	}
	if len(body) != env.raw {
		return nil, corrupt("body has %d bytes, not %d", len(body), env.raw)
	}
	return body, nil
}
