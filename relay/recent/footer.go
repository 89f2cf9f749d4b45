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

// The footer of a sealed segment: every agent's list, then a directory of the
// lists, then a trailer (directory's offset, its CRC32C, a magic). A segment
// without a good footer is scanned instead.
const (
	footMagic  = 0x4f464432 // "2DFO"
	trailerLen = 8 + 4 + 4
)

// seal writes the footer and lets go of the lists in memory. When the disk has
// no room for it the lists stay in memory and the next start scans the file.
func (s *segment) seal() error {
	if s.sealed {
		return nil
	}
	var body, dir []byte
	ids := slices.Sorted(maps.Keys(s.agents))
	dir = binary.AppendUvarint(dir, uint64(len(ids)))
	for _, id := range ids {
		p := s.agents[id]
		p.off, p.size = s.size+int64(len(body)), uint32(len(p.buf))
		p.crc = crc32.Checksum(p.buf, castagnoli)
		body = append(body, p.buf...)
		dir = binary.AppendUvarint(dir, uint64(len(id)))
		dir = append(dir, id...)
		dir = binary.AppendUvarint(dir, uint64(p.off))
		dir = binary.AppendUvarint(dir, uint64(p.size))
		dir = binary.LittleEndian.AppendUint32(dir, p.crc)
		dir = binary.AppendUvarint(dir, uint64(p.n))
		dir = binary.AppendVarint(dir, p.min)
		dir = binary.AppendVarint(dir, p.max)
	}
	at := s.size + int64(len(body))
	body = append(body, dir...)
	body = binary.LittleEndian.AppendUint64(body, uint64(at))
	body = binary.LittleEndian.AppendUint32(body, crc32.Checksum(dir, castagnoli))
	body = binary.LittleEndian.AppendUint32(body, footMagic)
	err := s.write(body)
	if err != nil {
		return fmt.Errorf("seal segment %s: %w", s.path, err)
	}
	for _, p := range s.agents {
		p.buf, p.keys, p.last = nil, nil, place{}
	}
	s.sealed, s.listed = true, 0
	return nil
}

// openSegment opens a segment of an earlier run. cut is how many bytes of a
// torn tail it lost.
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
		_ = s.seal() // no room for the footer: then its lists stay in memory
		_ = os.Chtimes(path, time.Time{}, st.ModTime())
	}
	return s, cut, err
}

var errNoSegment = errors.New("not a segment of this version")

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
	if _, err := s.file.ReadAt(dir, at); err != nil || crc32.Checksum(dir, castagnoli) != binary.LittleEndian.Uint32(t[8:]) {
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

// parseDirectory reads a footer's directory; the lists lie before byte end.
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

// load fetches an agent's list: from memory, or from the file of a sealed segment.
func (s *segment) load(p *posting) ([]byte, error) {
	b := make([]byte, p.size)
	if _, err := s.file.ReadAt(b, p.off); err != nil {
		return nil, fmt.Errorf("read segment %s: %w", s.path, err)
	}
	if crc32.Checksum(b, castagnoli) != p.crc {
		return nil, fmt.Errorf("segment %s: %w", s.path, errIndex)
	}
	return b, nil
}
