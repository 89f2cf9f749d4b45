package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ErrCut says that a stream ended before the end of the archive.
var ErrCut = errors.New("the archive is cut short: the rest of it is missing")

var errDamaged = errors.New("the archive is damaged, or is no tar archive")

var zeroBlock [blockSize]byte

// reader reads the entries of a tar stream.
type reader struct {
	r    *bufio.Reader
	rest int64 // bytes of the entry's body that were not read
	pad  int64 // bytes that follow the body
	head []byte
}

// entry is one entry of an archive.
type entry struct {
	tar.Header
	size int64      // of the file, with its holes
	data []fragment // where the bytes of a file with holes belong; nil for one without
}

func newReader(r io.Reader) *reader { return &reader{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next entry, or io.EOF at the end of the archive.
func (r *reader) next() (*entry, error) {
	if err := r.discard(r.rest + r.pad); err != nil {
		return nil, err
	}
	r.rest, r.pad, r.head = 0, 0, r.head[:0]
	for range maxHeaders {
		block, err := r.block()
		if err != nil {
			return nil, err
		}
		typ := block[offType]
		switch {
		case bytes.Equal(block, zeroBlock[:]):
			if len(r.head) > blockSize {
				return nil, errDamaged
			}
			return nil, r.end()
		case typ == tar.TypeXHeader, typ == typeXName, typ == typeXLink, typ == tar.TypeXGlobalHeader:
			size, ok := octal(block[offSize : offSize+lenSize])
			if !ok || size > maxSpecial || int64(len(r.head))+size > 2*maxSpecial {
				return nil, errDamaged
			}
			if typ == tar.TypeXGlobalHeader { // a comment of git archive
				r.head = r.head[:len(r.head)-blockSize]
				if err := r.discard(size + padding(size)); err != nil {
					return nil, err
				}
				continue
			}
			body, err := r.append(int(size + padding(size)))
			if err != nil {
				return nil, err
			}
			if typ == tar.TypeXHeader {
				renameRecords(body[:size], gnuRecord, ourRecord)
			}
		case typ == tar.TypeGNUSparse:
			return nil, errors.New("the archive has a sparse file in GNU tar's old format: make it with --format=posix")
		default:
			return r.entry(typ)
		}
	}
	return nil, errDamaged
}

// entry parses the headers that were read.
func (r *reader) entry(typ byte) (*entry, error) {
	h, err := tar.NewReader(bytes.NewReader(r.head)).Next()
	if err != nil {
		return nil, errDamaged
	}
	e := &entry{Header: *h, size: h.Size}
	if hasBody(typ) {
		r.rest, r.pad = h.Size, padding(h.Size)
	}
	if _, ok := h.PAXRecords[recMajor]; ok {
		return e, r.sparse(e)
	}
	for k := range h.PAXRecords {
		if len(k) > len(ourRecord) && k[:len(ourRecord)] == ourRecord {
			return nil, fmt.Errorf("the archive has a sparse file in a format that is not supported (%s): make it with "+
				"GNU tar's --format=posix --sparse-version=1.0", Quote(k))
		}
	}
	return e, nil
}

// block reads a block of headers.
func (r *reader) block() ([]byte, error) { return r.append(blockSize) }

func (r *reader) append(n int) ([]byte, error) {
	from := len(r.head)
	r.head = append(r.head, make([]byte, n)...)
	if _, err := io.ReadFull(r.r, r.head[from:]); err != nil {
		return nil, cut(err)
	}
	return r.head[from:], nil
}

// end reads the second of the two empty blocks at the end of the archive.
func (r *reader) end() error {
	r.head = r.head[:0]
	block, err := r.block()
	if err != nil {
		return err
	}
	if !bytes.Equal(block, zeroBlock[:]) {
		return errDamaged
	}
	return io.EOF
}

// Read reads from the body of an entry.
func (r *reader) Read(p []byte) (int, error) {
	if r.rest == 0 {
		return 0, io.EOF
	}
	n, err := r.r.Read(p[:min(int64(len(p)), r.rest)])
	r.rest -= int64(n)
	if n > 0 {
		err = nil
	}
	return n, cut(err)
}

func (r *reader) discard(n int64) error {
	for n > 0 {
		m, err := r.r.Discard(int(min(n, 1<<30)))
		n -= int64(m)
		if err != nil {
			return cut(err)
		}
	}
	return nil
}

// cut makes the end of the stream an error: it is none of the archive.
func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrCut
	}
	return err
}
