package logfile

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
		files, start := r.recordBefore(f, off, n)
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

// recordBefore finds a record that is about n bytes in front of a place, or is the first
// one of the container's start. It returns the files from there on, up to f.
func (r *Reader) recordBefore(f *file, off, n int64) (files []*file, start int64) {
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
