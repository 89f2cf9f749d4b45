package recent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// The footer of a sealed segment has every agent's list, then a directory of the lists,
// then a trailer (the directory's offset, its CRC32C, and a magic number). A segment
// without a valid footer is scanned when it is opened.
const (
	footMagic  = 0x4f464432 // "2DFO"
	trailerLen = 8 + 4 + 4
)

// footer is an encoded footer, to be written at the end of a segment.
type footer struct {
	body  []byte
	lists map[string]listAt
}

// listAt is the position of a list in the segment's file.
type listAt struct {
	off  int64
	size uint32
	crc  uint32
}

// footer encodes the footer of a segment from its lists.
func (s *segment) footer() footer {
	f := footer{lists: make(map[string]listAt, len(s.agents))}
	ids := slices.Sorted(maps.Keys(s.agents))
	dir := binary.AppendUvarint(nil, uint64(len(ids)))
	for _, id := range ids {
		p := s.agents[id]
		at := listAt{off: s.size + int64(len(f.body)), size: uint32(len(p.buf)), crc: crc32.Checksum(p.buf, castagnoli)}
		f.lists[id] = at
		f.body = append(f.body, p.buf...)
		dir = binary.AppendUvarint(dir, uint64(len(id)))
		dir = append(dir, id...)
		dir = binary.AppendUvarint(dir, uint64(at.off))
		dir = binary.AppendUvarint(dir, uint64(at.size))
		dir = binary.LittleEndian.AppendUint32(dir, at.crc)
		dir = binary.AppendUvarint(dir, uint64(p.n))
		dir = binary.AppendVarint(dir, p.min)
		dir = binary.AppendVarint(dir, p.max)
	}
	dirAt := s.size + int64(len(f.body))
	f.body = append(f.body, dir...)
	f.body = binary.LittleEndian.AppendUint64(f.body, uint64(dirAt))
	f.body = binary.LittleEndian.AppendUint32(f.body, crc32.Checksum(dir, castagnoli))
	f.body = binary.LittleEndian.AppendUint32(f.body, footMagic)
	return f
}

// seal drops the lists in memory, once the footer is written.
func (s *segment) seal(f footer) {
	for id, at := range f.lists {
		p := s.agents[id]
		p.off, p.size, p.crc = at.off, at.size, at.crc
		p.buf, p.last = nil, place{}
	}
	s.size += int64(len(f.body))
	s.sealed, s.listed = true, 0
}

// writeFooter seals a segment that is not shared yet. If the footer cannot be written,
// the lists stay in memory.
func (s *segment) writeFooter() {
	if f := s.footer(); s.write(f.body, s.size) == nil {
		s.seal(f)
	}
}

// openSegment opens a segment of an earlier run. cut is the number of bytes by which an
// incomplete file was truncated.
func openSegment(path string) (s *segment, cut int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	st, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	head := make([]byte, len(magic))
	if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	if string(head) != magic {
		return nil, 0, errNoSegment
	}
	s = &segment{path: path, file: f, end: st.ModTime().UnixNano()}
	if s.readFooter(st.Size()) {
		return s, 0, nil
	}
	if cut, err = s.scan(st.Size()); err == nil {
		s.writeFooter()
		_ = os.Chtimes(path, time.Time{}, st.ModTime())
	}
	return s, cut, err
}

var errNoSegment = errors.New("not a segment of this version")

// readFooter reads the footer of a file of size bytes. It reports whether the footer is
// valid.
func (s *segment) readFooter(size int64) bool {
	var t [trailerLen]byte
	if size < int64(len(magic))+trailerLen {
		return false
	}
	if _, err := s.file.ReadAt(t[:], size-trailerLen); err != nil || binary.LittleEndian.Uint32(t[12:]) != footMagic {
		return false
	}
	at := int64(binary.LittleEndian.Uint64(t[:]))
	if at < int64(len(magic)) || at > size-trailerLen {
		return false
	}
	dir := make([]byte, size-trailerLen-at)
	if _, err := s.file.ReadAt(dir, at); err != nil {
		return false
	}
	if crc32.Checksum(dir, castagnoli) != binary.LittleEndian.Uint32(t[8:]) {
		return false
	}
	agents, ok := parseDirectory(dir, at)
	if !ok {
		return false
	}
	s.agents, s.size, s.sealed = agents, size, true
	for _, p := range agents {
		s.records += p.n
	}
	return true
}

// parseDirectory decodes a footer's directory. It reports false if that is corrupt, or
// names a list that does not end before byte end of the file.
func parseDirectory(dir []byte, end int64) (map[string]*posting, bool) {
	rd := reader{b: dir}
	n := rd.uvarint()
	if rd.bad || n > uint64(len(dir)) {
		return nil, false
	}
	agents := make(map[string]*posting, n)
	for range n {
		id := rd.text(frame.MaxAgent)
		off, size := rd.uvarint(), rd.uvarint()
		p := &posting{crc: rd.fixed32(), n: int(rd.uvarint()), min: rd.varint(), max: rd.varint()}
		if rd.bad || off > uint64(end) || size > uint64(end)-off {
			return nil, false
		}
		p.off, p.size = int64(off), uint32(size)
		agents[id] = p
	}
	return agents, len(rd.b) == 0
}

// load reads an agent's list from the file of a sealed segment.
func (s *segment) load(p *posting) ([]byte, error) {
	b := make([]byte, p.size)
	if err := s.reads.readAt(s.file, b, p.off); err != nil {
		return nil, fmt.Errorf("read segment %s: %w", s.path, err)
	}
	if crc32.Checksum(b, castagnoli) != p.crc {
		return nil, fmt.Errorf("segment %s: %w", s.path, errIndex)
	}
	return b, nil
}
