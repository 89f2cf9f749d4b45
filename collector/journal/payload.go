package journal

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// maxPayload is the largest field that is read, uncompressed; journald itself
// takes at most 768 MiB. A corrupt size must not cost the memory that it names.
const maxPayload = 768 << 20

// keptPayload bounds the buffers that a reader keeps from one field to the next.
const keptPayload = 1 << 20

// decoder uncompresses payloads. It belongs to one goroutine.
type decoder struct {
	zstd *zstd.Decoder
	out  []byte // the last payload that was compressed
}

// payload returns the payload of the data object at an offset: FIELD=value. It
// is valid until the next call, and only while the file is held.
func (d *decoder) payload(f *File, at uint64) ([]byte, error) {
	size, err := f.object(at, objectData)
	if err != nil {
		return nil, err
	}
	begin := f.payloadAt()
	if size < begin || size-begin > maxPayload {
		return nil, corrupt(at, "a data object of %d bytes", size)
	}
	if cap(d.out) > keptPayload {
		d.out = nil
	}
	raw := f.data[at+begin : at+size]
	switch c := f.data[at+objectFlagsAt] & compressedMask; c {
	case 0:
		return raw, nil
	case compressedXZ:
		d.out, err = d.unxz(raw)
	case compressedLZ4:
		d.out, err = d.unlz4(raw)
	case compressedZSTD:
		d.out, err = d.unzstd(raw)
	default:
		return nil, corrupt(at, "two kinds of compression (%#x)", c)
	}
	if err != nil {
		return nil, corrupt(at, "a field that cannot be uncompressed: %v", err)
	}
	return d.out, nil
}

var errTooLarge = errors.New("it is larger than 768 MiB, or than it says")

// unlz4 uncompresses a block that its size stands before. LZ4 makes nothing
// smaller than by a factor of 255, so a size beyond that is wrong.
func (d *decoder) unlz4(raw []byte) ([]byte, error) {
	if len(raw) <= lz4PrefixSize {
		return d.out[:0], io.ErrUnexpectedEOF
	}
	size := le.Uint64(raw)
	raw = raw[lz4PrefixSize:]
	if size == 0 || size > maxPayload || size > 255*uint64(len(raw)) { // the library fails on no room at all
		return d.out[:0], fmt.Errorf("%d bytes are said to come of %d", size, len(raw))
	}
	if uint64(cap(d.out)) < size {
		d.out = make([]byte, size)
	}
	n, err := lz4.UncompressBlock(raw, d.out[:size])
	if err == nil && uint64(n) != size {
		err = fmt.Errorf("%d bytes came of %d that were said", n, size)
	}
	return d.out[:max(n, 0)], err
}

func (d *decoder) unzstd(raw []byte) ([]byte, error) {
	if d.zstd == nil {
		var err error
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(maxPayload))
		if err != nil {
			return d.out[:0], err
		}
	}
	// A block of four bytes makes 128 KiB at most: a size beyond that is wrong.
	var h zstd.Header
	if err := h.Decode(raw); err != nil {
		return d.out[:0], err
	}
	if size := h.FrameContentSize; h.HasFCS && size > 128<<10*uint64(len(raw)/4) {
		return d.out[:0], fmt.Errorf("%d bytes are said to come of %d", size, len(raw))
	}
	return d.zstd.DecodeAll(raw, d.out[:0])
}

func (d *decoder) close() {
	if d.zstd != nil {
		d.zstd.Close()
		d.zstd = nil
	}
}
