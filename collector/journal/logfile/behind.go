package logfile

import (
	"bytes"
	"encoding/binary"
)

// lookBack is how far in front of a place the pieces of the lines are looked for that
// are open there, in bytes. Where pieces are found at the very edge it is farther, up
// to what a line of MaxLine takes.
const lookBack = 128 << 10

// prime gives a joiner the state that it would have at a place if all of the log had
// been read up to there. Of a stream without a record shortly before the place it knows
// nothing: see learn.
func (r *Reader) prime(j *joiner, f *file, off int64) { r.primeFor(j, f, off, streams) }

// learn finds out, for the first record of a stream that prime found no record of, whether
// it goes on with a line that began long before: the other stream may have written much
// meanwhile.
func (r *Reader) learn(j *joiner, f *file, rec *record) {
	s := rec.stream
	if j.knows(s) || j.asked[s] {
		return
	}
	j.asked[s] = true
	var before joiner
	r.primeFor(&before, f, rec.start, s)
	j.open[s], j.whole[s] = before.open[s], before.whole[s]
}

// primeFor is prime, and goes back until a record of a stream is found.
func (r *Reader) primeFor(j *joiner, f *file, off int64, stream Stream) {
	for n := int64(lookBack); ; n *= 4 {
		files, start := r.behind(f, off, n)
		head := start == 0 // of the container's start: nothing is in front
		if head {
			o := r.before(files[0])
			head = o == nil || o.attempt != f.attempt
		}
		j.reset(r.l, head)
		for i, file := range files {
			end := int64(-1)
			if i == len(files)-1 {
				end = off
			}
			r.feed(j, file, start, end)
			start = 0
		}
		if head || n > 4*MaxLine || !j.missesPieces() && (stream == streams || j.knows(stream)) {
			return
		}
	}
}

// feed adds a part of a file to a joiner. end -1 is the end of the file.
func (r *Reader) feed(j *joiner, f *file, start, end int64) {
	var rec record
	var line Line
	s := &r.back.prime
	s.format = r.l.format
	for s.seek(f, start); end < 0 || s.pos() < end; {
		ok, err := s.next(&rec)
		if isBad(err) {
			continue // it is told of when it is read for itself
		}
		if !ok || end >= 0 && rec.start >= end {
			return
		}
		for j.add(f, &rec, &line) == early {
		}
	}
}

// behind finds a record that is about n bytes in front of a place, or is the first
// one of the container's start. It returns the files from there on, up to f.
func (r *Reader) behind(f *file, off, n int64) (files []*file, start int64) {
	files = []*file{f}
	for {
		if start = r.boundary(f, off, n); start > 0 {
			break
		}
		o := r.before(f)
		if n -= off; n <= 0 || o == nil || o.attempt != f.attempt {
			break
		}
		size, err := o.size()
		if err != nil {
			r.fail(fileError(o.path, err))
			break
		}
		files = append([]*file{o}, files...)
		f, off = o, size
	}
	return files, start
}

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
