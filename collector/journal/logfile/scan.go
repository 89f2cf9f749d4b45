package logfile

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// scanner reads the records of a file one after the other.
type scanner struct {
	parser
	f    *file
	off  int64 // of buf
	buf  []byte
	at   int    // in buf: the next record
	raw  []byte // of the record that was read last
	hole int64  // bytes of NUL that were stepped over since the last call of takeHole
	// first is set to read the first record only, without looking whether the file is
	// still the same.
	first bool
}

// readSize is how much is read at once, in bytes.
const readSize = 64 << 10

// seek goes to an offset, where a record begins.
func (s *scanner) seek(f *file, off int64) {
	s.f, s.off, s.buf, s.at, s.hole = f, off, s.buf[:0], 0, 0
	if cap(s.buf) > 4*readSize {
		s.buf = nil // of an unusually long record
	}
}

// pos is the offset of the next record.
func (s *scanner) pos() int64 { return s.off + int64(s.at) }

// next reads a record into r. It reports false at the end, where a record that is
// not complete is left for later. An error of type *BadError is about what was
// passed over; the next call goes on behind it.
func (s *scanner) next(r *record) (bool, error) {
	for {
		skip, n, body, err := s.split(s.buf[s.at:])
		if skip > 0 {
			if err := s.skip(skip); err != nil {
				return false, err
			}
			continue
		}
		if err != nil {
			return false, s.passOver(n, err)
		}
		if n == 0 {
			if more, err := s.fill(); !more || err != nil {
				return false, err
			}
			continue
		}
		start := s.pos()
		s.raw = s.buf[s.at : s.at+n]
		if s.parse(body, r) != nil {
			return false, s.passOver(s.resync(body, n), errNotARecord)
		}
		s.at += n
		r.start, r.end = start, s.pos()
		return true, nil
	}
}

// resync returns how much of a line of n bytes that cannot be parsed is passed over: a
// crash can leave half a record, and NULs, in front of a whole one.
func (s *scanner) resync(body []byte, n int) int {
	if s.format == DockerLocal {
		return n
	}
	if i := bytes.LastIndexByte(body, 0); i >= 0 {
		return i + 1
	}
	if i := bytes.LastIndex(body, jsonStart); i > 0 {
		return i
	}
	return n
}

// jsonStart is what a record of Docker's begins with. Inside of one its quotes would
// be escaped.
var jsonStart = []byte(`{"log":"`)

// skip steps over bytes in front of a record: NULs are a hole, which a writer
// leaves that goes on at its old offset in a file that was truncated.
func (s *scanner) skip(n int) error {
	if len(bytes.TrimLeft(s.buf[s.at:s.at+n], "\x00")) == 0 {
		s.at += n
		s.hole += int64(n)
		s.skipSparse()
		return nil
	}
	return s.passOver(n, errNotARecord)
}

// skipSparse goes on behind what the filesystem does not store of a hole.
func (s *scanner) skipSparse() {
	if s.f.gz != nil || s.at < len(s.buf)-3 {
		return
	}
	data, err := unix.Seek(int(s.f.os.Fd()), s.off+int64(len(s.buf)), unix.SEEK_DATA)
	if n := data - s.off - int64(s.at); err == nil && n > readSize {
		s.off, s.buf, s.at = data, s.buf[:0], 0
		s.hole += n
	}
}

// passOver steps over n bytes that are no record; 0: over all that was read.
func (s *scanner) passOver(n int, err error) error {
	if n <= 0 {
		n = len(s.buf) - s.at
	}
	bad := &BadError{Path: s.f.path, Offset: s.pos(), Bytes: int64(n), Err: err}
	s.at += n
	return bad
}

// takeHole returns how many bytes of NUL were stepped over.
func (s *scanner) takeHole() int64 {
	n := s.hole
	s.hole = 0
	return n
}

// fill reads more, and reports whether there was more.
func (s *scanner) fill() (bool, error) {
	if s.at > 0 {
		s.off += int64(s.at)
		s.buf = s.buf[:copy(s.buf, s.buf[s.at:])]
		s.at = 0
	}
	have := len(s.buf)
	if cap(s.buf)-have < readSize/2 {
		bigger := make([]byte, have, max(2*cap(s.buf), readSize))
		copy(bigger, s.buf)
		s.buf = bigger
	}
	n, err := s.f.readAt(s.buf[have:cap(s.buf)], s.off+int64(have))
	if err == nil && n > 0 && !s.first && s.f.replaced() {
		return false, errReplaced
	}
	s.buf = s.buf[:have+n]
	s.f.known = max(s.f.known, s.off+int64(len(s.buf)))
	return n > 0, err
}
