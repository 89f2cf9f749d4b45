package publish

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A segment is a file of records: a magic, then for each record its length and
// CRC32C (both 32 bits, little endian) and its bytes.
const (
	segmentMagic = "d2spool1"
	recordHead   = 8
	maxRecord    = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errRecord is the error for bytes that are no record.
var errRecord = errors.New("publish: damaged record")

type segment struct {
	path    string
	id      uint64
	size    int64
	records int  // in the file
	done    int  // acknowledged, or given up
	gone    bool // removed, while frames of it may still be in flight
}

func segmentPath(dir string, id uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x.seg", id))
}

func segmentID(name string) (uint64, bool) {
	hex, ok := strings.CutSuffix(name, ".seg")
	if !ok || len(hex) != 16 {
		return 0, false
	}
	id, err := strconv.ParseUint(hex, 16, 64)
	return id, err == nil
}

// sealRecord fills in the head of a record: buf is the head's room and the bytes.
func sealRecord(buf []byte) {
	binary.LittleEndian.PutUint32(buf, uint32(len(buf)-recordHead))
	binary.LittleEndian.PutUint32(buf[4:], crc32.Checksum(buf[recordHead:], castagnoli))
}

// recordAt reads the head of the record at off. ok reports that there is one.
func recordAt(f io.ReaderAt, off, size int64) (next int64, sum uint32, ok bool) {
	var head [recordHead]byte
	if _, err := f.ReadAt(head[:], off); err != nil {
		return 0, 0, false
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	next = off + recordHead + n
	return next, binary.LittleEndian.Uint32(head[4:]), n > 0 && n <= maxRecord && next <= size
}

// readRecord reads the record at off into buf, head included. It returns
// errRecord for a damaged one, with next where the one after it starts, or 0 where
// that is unknown.
func readRecord(f io.ReaderAt, off, size int64, buf []byte) (_ []byte, next int64, err error) {
	next, sum, ok := recordAt(f, off, size)
	if !ok {
		return buf, 0, errRecord
	}
	buf = grow(buf, int(next-off))
	if _, err := f.ReadAt(buf, off); err != nil {
		return buf, 0, errRecord
	}
	if crc32.Checksum(buf[recordHead:], castagnoli) != sum {
		return buf, next, errRecord
	}
	return buf, next, nil
}

// recover counts the records of a file that an earlier run left, and cuts off what
// follows the last whole one; damaged reports that there was something.
func (s *segment) recover() (damaged bool, err error) {
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return false, err
	}
	size := st.Size()
	var head [len(segmentMagic)]byte
	if _, err := f.ReadAt(head[:], 0); err != nil || string(head[:]) != segmentMagic {
		return true, nil
	}
	off := int64(len(segmentMagic))
	for {
		next, _, ok := recordAt(f, off, size)
		if !ok {
			break
		}
		off = next
		s.records++
	}
	s.size = off
	if off == size {
		return false, nil
	}
	return true, f.Truncate(off)
}

// grow returns b with length n; what it held may be lost.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n, n+n/4)
	}
	return b[:n]
}
