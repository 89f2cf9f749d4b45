package recent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"github.com/daytwo/daytwo/api/frame"
)

// A segment file has a magic number, then records, then (once it is sealed) the footer of
// footer.go. A record has the frame's length, a CRC32C over what follows the CRC, flags
// (each of these a little-endian uint32), and the frame as it was received.
const (
	magic      = "DAYTWOS\x01"
	recordHead = 12       // bytes of a record before the frame
	maxRecord  = 64 << 20 // bytes of one frame; the largest message that NATS allows
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segment is one file of records. The store's lock guards its fields. Only the writer
// changes them, apart from refs, so that it may read them without the lock. The file
// is only appended to.
type segment struct {
	path    string
	file    *os.File
	size    int64  // of the file: records and footer, bytes
	end     int64  // when its newest frame was received, Unix nanoseconds
	first   uint64 // arrival number of its first frame; 0 if an earlier run of the relay wrote it
	begun   int64  // when its first frame was received, Unix nanoseconds
	sealed  bool   // the file has a footer, and is no longer written to
	agents  map[string]*posting
	records int
	listed  int64                // bytes that the footer will take
	keys    map[string][]heldKey // by agent, newest last; only the writer uses it, until the segment is sealed
	reads   *reads
	refs    int  // readers that use the file
	gone    bool // the file is deleted; the last reader closes it
}

// createSegment creates the file of a segment; no is the arrival number of its first
// frame.
func createSegment(path string, now int64, no uint64) (*segment, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt([]byte(magic), 0); err != nil {
		f.Close()
		os.Remove(path)
		return nil, err
	}
	return &segment{
		path: path, file: f, size: int64(len(magic)), begun: now, end: now, first: no,
		agents: make(map[string]*posting), keys: make(map[string][]heldKey),
	}, nil
}

// record appends data to dst as a record.
func record(dst, data []byte, flags uint32) []byte {
	i := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(data)))
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, flags)
	dst = append(dst, data...)
	binary.LittleEndian.PutUint32(dst[i+4:], crc32.Checksum(dst[i+8:], castagnoli))
	return dst
}

// write appends to the file, whose size is end. It undoes a partial write.
func (s *segment) write(b []byte, end int64) error {
	if _, err := s.file.WriteAt(b, end); err != nil {
		return errors.Join(err, s.file.Truncate(end))
	}
	return nil
}

// list adds a record to its agent's list, once it is written.
func (s *segment) list(r *place) {
	p := s.agents[r.Agent]
	if p == nil {
		p = newPosting()
		s.agents[r.Agent] = p
		s.listed += int64(len(r.Agent)) + 48
	}
	before := len(p.buf)
	p.add(r)
	s.records++
	s.listed += int64(len(p.buf) - before)
}

// read reads a record, verifies its checksum, and returns its frame.
func (s *segment) read(r *place) ([]byte, error) {
	b := make([]byte, r.size)
	if err := s.reads.readAt(s.file, b, r.off); err != nil {
		return nil, fmt.Errorf("read segment %s: %w", s.path, err)
	}
	if len(b) < recordHead || crc32.Checksum(b[8:], castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, fmt.Errorf("segment %s: the record at byte %d is corrupt", s.path, r.off)
	}
	return b[recordHead:], nil
}

// scan builds the lists of a segment without a valid footer (the relay crashed) from its
// records. It truncates the file after the last valid record, by cut bytes.
func (s *segment) scan(fileSize int64) (cut int64, err error) {
	s.agents = make(map[string]*posting)
	s.listed, s.records = 0, 0
	s.size = int64(len(magic))
	var head [recordHead]byte
	var body []byte
	for s.size+recordHead <= fileSize {
		if _, err := s.file.ReadAt(head[:], s.size); err != nil {
			return 0, err
		}
		n := int64(binary.LittleEndian.Uint32(head[:]))
		if n > maxRecord || s.size+recordHead+n > fileSize {
			break
		}
		if int64(cap(body)) < n+4 {
			body = make([]byte, n+4)
		}
		body = body[:n+4]
		copy(body, head[8:])
		if _, err := s.file.ReadAt(body[4:], s.size+recordHead); err != nil {
			return 0, err
		}
		if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
			break
		}
		h, err := frame.Peek(body[4:])
		if err != nil || !validHeader(&h) {
			break
		}
		s.list(&place{
			Header: h, off: s.size, size: uint32(recordHead + n),
			carried: binary.LittleEndian.Uint32(head[8:])&flagCarried != 0,
		})
		s.size += recordHead + n
	}
	if s.size == fileSize {
		return 0, nil
	}
	return fileSize - s.size, s.file.Truncate(s.size)
}
