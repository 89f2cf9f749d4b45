package recent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"github.com/daytwo/daytwo/api/frame"
)

// A segment file is a magic, then records, then (once sealed) the footer of
// footer.go. A record is its length, a CRC32C over what follows the CRC, flags,
// and a frame as it came off the wire.
const (
	magic      = "DAYTWOS\x01"
	recordHead = 12
	maxRecord  = 64 << 20 // bytes of one frame; NATS' own limit of a message
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segment is one file of records. The store's lock guards its fields; the writer,
// which alone changes all but refs, reads them without it. Bytes are only appended.
type segment struct {
	path    string
	file    *os.File
	size    int64  // bytes of records and footer
	end     int64  // receive time of its newest record, Unix nanoseconds
	first   uint64 // arrival number of its first record; 0 if an earlier run wrote it
	begun   int64
	sealed  bool
	agents  map[string]*posting
	records int
	listed  int64                // bytes of the lists that its footer will hold
	keys    map[string][]keyHere // by agent, newest last, while it is written to; the writer's
	reads   *reads
	refs    int  // readers that hold the file
	gone    bool // deleted; the last reader closes the file
}

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
		agents: make(map[string]*posting), keys: make(map[string][]keyHere),
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

// write writes to the file at end, its size; half a write is undone.
func (s *segment) write(b []byte, end int64) error {
	if _, err := s.file.WriteAt(b, end); err != nil {
		return errors.Join(err, s.file.Truncate(end))
	}
	return nil
}

// list adds a record that was written to its agent's list.
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

// read reads a record, checks it, and returns its frame.
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

// scan makes the lists of a segment that was not sealed (its writer crashed) from its
// records, and cuts off a torn tail, of cut bytes.
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
		if err != nil || !sane(&h) {
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
