package sessions

import (
	"bufio"
	"errors"
	"io"
	"strconv"
)

// maxRecord bounds a record of a client, in bytes. DC/OS' clients send some kilobytes.
const maxRecord = 256 << 10

// errRecord is that a body is no RecordIO. Nothing that follows can be read.
var errRecord = errors.New("the body is not RecordIO: each record has to begin with its length in decimal digits " +
	"and a newline, and to have no more than 262144 bytes")

// recordReader reads records: their length in decimal digits, a newline, and the bytes.
type recordReader struct {
	r   *bufio.Reader
	buf []byte
}

func newRecordReader(r io.Reader) *recordReader {
	return &recordReader{r: bufio.NewReaderSize(r, 16<<10)}
}

// next returns the next record, which is valid until the next call. The error is io.EOF at the
// end between two records, and io.ErrUnexpectedEOF inside one.
func (d *recordReader) next() ([]byte, error) {
	size := 0
	for digits := 0; ; digits++ {
		b, err := d.r.ReadByte()
		switch {
		case err == io.EOF && digits > 0:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		if b == '\n' && digits > 0 {
			break
		}
		if b < '0' || b > '9' {
			return nil, errRecord
		}
		if size = 10*size + int(b-'0'); size > maxRecord || digits > 18 {
			return nil, errRecord
		}
	}
	if cap(d.buf) < size {
		d.buf = make([]byte, max(size, 4<<10))
	}
	d.buf = d.buf[:size]
	if _, err := io.ReadFull(d.r, d.buf); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return d.buf, nil
}

// appendRecordHead appends what stands before a record of a size.
func appendRecordHead(dst []byte, size int) []byte {
	return append(strconv.AppendInt(dst, int64(size), 10), '\n')
}
