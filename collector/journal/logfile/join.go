package logfile

// joiner joins the pieces of lines, each stream for itself.
type joiner struct {
	open    [streams]openLine
	started []int64 // Options.Started, in nanoseconds since 1970
	sub     int     // of the next line without a record of its own
	// whole is set for streams of which a record was seen that ends a line, or all
	// records: their pieces are complete then.
	whole [streams]bool
	asked [streams]bool // learn was called for the stream
}

// openLine is a line of which the end is missing.
type openLine struct {
	is    bool
	text  []byte // of the last line, if is is false
	first mark
	time  int64 // of the last piece
	whole bool  // no piece is missing in front
}

// added is what became of a record.
type added uint8

const (
	kept     added = iota // it is a piece of a line that is not complete
	complete              // it completes a line
	early                 // a line ended before the record, which is to be added again
)

// keepText bounds the memory that is kept for the next long line, in bytes.
const keepText = 256 << 10

func (j *joiner) reset(l *Log, whole bool) {
	j.started = j.started[:0]
	for _, t := range l.o.Started {
		j.started = append(j.started, t.UnixNano())
	}
	for s := range j.open {
		j.open[s].is = false
		j.whole[s], j.asked[s] = whole, false
	}
	j.sub = 0
}

// add takes the next record of a file. The line, if there is one, is valid until the
// next call.
func (j *joiner) add(f *file, r *record, line *Line) added {
	for s := range j.open {
		if j.open[s].is && j.restarted(j.open[s].time, r.time) {
			j.end(Stream(s), f.attempt, line)
			return early
		}
	}
	o := &j.open[r.stream]
	if !o.is && !r.partial {
		j.sub, j.whole[r.stream] = 0, true
		*line = Line{Time: r.time, Stream: r.stream, Text: r.text, Attrs: r.attrs, Attempt: f.attempt}
		return complete
	}
	if o.is && len(o.text)+len(r.text) > MaxLine {
		j.end(r.stream, f.attempt, line)
		line.Open, line.Cut = false, true
		return early
	}
	if !o.is {
		if cap(o.text) > keepText {
			o.text = nil
		}
		o.is, o.text, o.first, o.whole = true, o.text[:0], mark{f, r.start}, j.whole[r.stream]
	}
	o.text, o.time = append(o.text, r.text...), r.time
	j.sub = 0
	if r.partial {
		return kept
	}
	o.is, j.whole[r.stream] = false, true
	*line = Line{Time: r.time, Stream: r.stream, Text: o.text, Attrs: r.attrs, Attempt: f.attempt}
	return complete
}

// restarted reports whether the container was started between two times.
func (j *joiner) restarted(before, after int64) bool {
	for _, t := range j.started {
		if before < t && t <= after {
			return true
		}
	}
	return false
}

// end ends the open line of a stream without a record.
func (j *joiner) end(s Stream, attempt int, line *Line) {
	o := &j.open[s]
	o.is = false
	j.sub++
	*line = Line{Time: o.time, Stream: s, Text: o.text, Attempt: attempt, Open: true}
}

// endAny ends an open line, the one that waits longest first, and reports whether
// there was one.
func (j *joiner) endAny(attempt int, line *Line) bool {
	best := -1
	for s := range j.open {
		if o := &j.open[s]; o.is && (best < 0 || o.time < j.open[best].time) {
			best = s
		}
	}
	if best >= 0 {
		j.end(Stream(best), attempt, line)
	}
	return best >= 0
}

// marks says where the lines begin that are open.
func (j *joiner) marks() (m [streams]mark) {
	for s := range j.open {
		if j.open[s].is {
			m[s] = j.open[s].first
		}
	}
	return m
}

// knows reports whether a record of a stream was seen, or none can be missing.
func (j *joiner) knows(s Stream) bool { return j.whole[s] || j.open[s].is }

// missesPieces reports whether a line is open that may have begun earlier.
func (j *joiner) missesPieces() bool {
	for s := range j.open {
		if j.open[s].is && !j.open[s].whole {
			return true
		}
	}
	return false
}
