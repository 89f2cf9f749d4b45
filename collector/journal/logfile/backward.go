package logfile

// backward is the state of reading backward: the lines of one block, in their order.
type backward struct {
	ok    bool // the block stands in front of cur
	f     *file
	start int64 // of the block
	size  int64 // of a block, in bytes: it grows
	lines []backLine
	text  []byte // of all lines
	scan  scanner
	prime scanner // of what is in front of the block
	join  joiner
}

// backLine is a line of the block; its bytes are in text.
type backLine struct {
	line  Line
	place place
	at    int // of the text, which the attributes follow
}

// blockSize is how much of a file is read at once when going back, in bytes. What is
// compressed is decompressed from its start for each block.
const (
	firstBlock    = 32 << 10
	blockSize     = 256 << 10
	gzipBlockSize = 8 << 20
)

// Previous goes to the line before, and reports whether there is one.
func (r *Reader) Previous() bool {
	r.settle()
	if !r.previous() {
		return false
	}
	r.repeat = false
	return true
}

func (r *Reader) previous() bool {
	b := &r.back
	if !b.ok && r.cur.f == nil {
		return false
	}
	if !b.ok {
		b.ok, b.f, b.lines, b.size = true, r.cur.f, b.lines[:0], firstBlock/2
		r.block(r.cur.end, true)
	}
	for len(b.lines) == 0 {
		if !r.olderBlock() {
			return false
		}
	}
	l := &b.lines[len(b.lines)-1]
	b.lines = b.lines[:len(b.lines)-1]
	r.line, r.cur, r.curTime, r.on = l.line, l.place, l.line.Time, true
	text := l.at + len(l.line.Text)
	r.line.Text = b.text[l.at:text:text]
	if l.line.Attrs != nil {
		r.line.Attrs = b.text[text : text+len(l.line.Attrs)]
	}
	r.fwd, r.peeked = false, false
	return true
}

// olderBlock reads the lines of the block in front of the one that was read.
func (r *Reader) olderBlock() bool {
	b := &r.back
	if b.start > 0 {
		r.block(b.start, false)
		return true
	}
	f := r.before(b.f)
	if f == nil {
		return false
	}
	size, err := f.size()
	if err != nil {
		r.fail(fileError(f.path, err))
	}
	b.f = f
	r.sweep()
	r.block(size, false)
	return true
}

// block reads the lines that end in the block in front of an offset. limited is set
// for the first block, whose last lines may not be before cur.
func (r *Reader) block(end int64, limited bool) {
	b := &r.back
	b.size = min(2*b.size, blockSize)
	n := b.size
	if b.f.gz != nil {
		n = gzipBlockSize
	}
	if cap(b.text) > 4*gzipBlockSize {
		b.text = nil
	}
	b.lines, b.text, b.start = b.lines[:0], b.text[:0], 0
	if b.f.dead {
		return
	}
	b.start = r.boundary(b.f, end, n)
	r.prime(&b.join, b.f, b.start)
	var rec record
	var line Line
	whole := false // the file was read to its end
	keep := func(p place) {
		if limited && !r.isBehind(&p, whole) {
			return
		}
		b.lines = append(b.lines, backLine{line, p, len(b.text)})
		b.text = append(append(b.text, line.Text...), line.Attrs...)
	}
	b.scan.format = r.l.format
	b.scan.seek(b.f, b.start)
	b.scan.takeHole()
	for {
		ok, err := b.scan.next(&rec)
		switch {
		case isBad(err):
			r.fail(err)
			continue
		case err != nil:
			r.fail(fileError(b.f.path, err))
		}
		// A line may end in front of the record at the end, by that record.
		if whole = !ok; !ok || rec.start > end || rec.start == end && !limited {
			break
		}
		r.learn(&b.join, b.f, &rec)
		for {
			a := b.join.add(b.f, &rec, &line)
			if a != kept {
				keep(b.join.place(b.f, &rec, a, &line))
			}
			if a != early {
				break
			}
		}
	}
	if whole && r.endsAt(b.f) {
		for b.join.endAny(b.f.attempt, &line) {
			keep(place{f: b.f, end: b.scan.pos(), sub: b.join.sub, from: b.join.marks(), exact: true})
		}
	}
}

// isBehind reports whether a place in the file of cur is behind the reader. atFileEnd is set
// for lines that end with the file.
func (r *Reader) isBehind(p *place, atFileEnd bool) bool {
	if r.on {
		return p.before(&r.cur)
	}
	return !r.cur.before(p) || atFileEnd && r.cur.sub == atEnd
}

// endsAt reports whether no line goes on after a file.
func (r *Reader) endsAt(f *file) bool {
	names, err := r.names()
	if err != nil {
		return false
	}
	i := r.find(names, f)
	if i < 0 {
		return false
	}
	if i+1 < len(names) {
		return names[i+1].attempt != f.attempt
	}
	return r.ended.Load()
}
