package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// Parts of an xz file (https://tukaani.org/xz/xz-file-format.txt).
const (
	xzStreamHeader = 12
	xzFooter       = 12
	xzLZMA2        = 0x21
)

var errNotXZ = errors.New("not an xz stream of one LZMA2 block")

// unxz uncompresses an xz stream as journald writes it: one block. The package
// xz would make a window of 8 MiB for each field, which old journalds ask for;
// the index says how large the field really is, and no window is larger.
func (d *decoder) unxz(raw []byte) ([]byte, error) {
	begin, size, err := parseXZ(raw)
	if err != nil {
		return d.out[:0], err
	}
	window := max(lzma.MinDictCap, min(int(size), 8<<20))
	r, err := lzma.Reader2Config{DictCap: window}.NewReader2(bytes.NewReader(raw[begin:]))
	if err != nil {
		return d.out[:0], err
	}
	out := bytes.NewBuffer(d.out[:0])
	n, err := io.Copy(out, io.LimitReader(r, int64(size)+1))
	if err == nil && uint64(n) != size {
		err = errTooLarge
		if uint64(n) < size {
			err = io.ErrUnexpectedEOF
		}
	}
	return out.Bytes(), err
}

// parseXZ finds where the LZMA2 chunks of a stream begin, and the size that the
// index says they uncompress to.
func parseXZ(raw []byte) (begin int, size uint64, err error) {
	n := len(raw)
	if n < xzStreamHeader+8+xzFooter || string(raw[:6]) != "\xfd7zXZ\x00" || string(raw[n-2:]) != "YZ" {
		return 0, 0, errNotXZ
	}
	begin = xzStreamHeader + (int(raw[xzStreamHeader])+1)*4
	flags, filter := raw[xzStreamHeader+1], raw[xzStreamHeader+2:]
	for bit := byte(0x40); bit != 0; bit <<= 1 { // the sizes of the block, if it says them
		if flags&bit != 0 {
			_, n := binary.Uvarint(filter)
			filter = filter[max(n, 0):]
		}
	}
	index := n - xzFooter - (int(le.Uint32(raw[n-8:]))+1)*4
	if flags&3 != 0 || len(filter) == 0 || filter[0] != xzLZMA2 || index <= begin || raw[index] != 0 {
		return 0, 0, errNotXZ
	}
	at := index + 1
	for _, into := range []*uint64{new(uint64), new(uint64), &size} { // blocks, packed size, size
		v, n := binary.Uvarint(raw[at : len(raw)-xzFooter])
		if n <= 0 {
			return 0, 0, errNotXZ
		}
		*into, at = v, at+n
	}
	if size > maxPayload {
		return 0, 0, errTooLarge
	}
	return begin, size, nil
}
