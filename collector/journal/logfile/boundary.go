package logfile

import (
	"bytes"
	"encoding/binary"
)

// boundary finds the beginning of a record that is at least n bytes in front of an
// offset where one begins; 0 is one.
func (r *Reader) boundary(f *file, off, n int64) int64 {
	for ; n < off; n *= 2 {
		var at int64
		var err error
		if f.format == DockerLocal {
			at, err = f.localBoundary(off, n)
		} else {
			at, err = f.lineAfter(off - n)
		}
		if err != nil {
			r.fail(fileError(f.path, err))
			return 0
		}
		if at < off {
			return at
		}
	}
	return 0
}

// lineAfter finds the first line that begins at an offset or after it; the size of
// the file if there is none.
func (f *file) lineAfter(off int64) (int64, error) {
	if off <= 0 {
		return 0, nil
	}
	buf := make([]byte, 16<<10)
	for off--; ; {
		n, err := f.readAt(buf, off)
		if err != nil || n == 0 {
			return off, err
		}
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return off + int64(i) + 1, nil
		}
		off += int64(n)
	}
}

// localBoundary goes back by the lengths that stand behind the records, and from the
// start where they do not fit.
func (f *file) localBoundary(off, n int64) (int64, error) {
	at := off
	buf := make([]byte, 32<<10)
	for f.gz == nil && off-at < n && at > 0 {
		from := max(at-int64(len(buf)), 0)
		chunk := buf[:at-from]
		if m, err := f.readAt(chunk, from); err != nil || m < len(chunk) {
			return 0, err
		}
		i := len(chunk)
		for i >= 8 && off-from-int64(i) < n {
			size := int(binary.BigEndian.Uint32(chunk[i-4:]))
			if size == 0 || size > i-8 || localRecord(chunk[i-8-size:i]) != size+8 {
				break
			}
			i -= size + 8
		}
		if i < len(chunk) {
			at = from + int64(i)
			continue
		}
		if from == 0 || len(buf) > 2*maxRecord {
			break // it does not fit
		}
		buf = make([]byte, 4*len(buf))
	}
	if off-at >= n || at == 0 {
		return at, nil
	}
	var rec record
	s := scanner{parser: parser{format: f.format}, first: true}
	found := int64(0)
	for s.seek(f, 0); ; {
		ok, err := s.next(&rec)
		if isBad(err) {
			continue
		}
		if !ok || rec.start > off-n {
			return found, err
		}
		found = rec.start
	}
}

// tail finds the end of the last complete record of a file.
func (r *Reader) tail(f *file) (int64, error) {
	size, err := f.size()
	if err != nil {
		return 0, err
	}
	if f.format == DockerLocal {
		return r.localTail(f, size)
	}
	buf := make([]byte, 16<<10)
	for end := size; end > 0 && size-end <= maxRecord; {
		start := max(end-int64(len(buf)), 0)
		n, err := f.readAt(buf[:end-start], start)
		if err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

func (r *Reader) localTail(f *file, size int64) (end int64, err error) {
	start, err := f.localBoundary(size, 1)
	if err != nil {
		return 0, err
	}
	var rec record
	s := &r.back.scan
	s.format = r.l.format
	whole := false // a record was read: start is where one begins
	for s.seek(f, start); ; {
		ok, err := s.next(&rec)
		whole = whole || ok
		switch {
		case ok || isBad(err):
		case err != nil || whole || start == 0:
			return s.pos(), err
		default:
			start = 0
			s.seek(f, 0)
		}
	}
}
