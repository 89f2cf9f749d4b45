package logfile

// shrunk reports whether a file was truncated under the reader.
func (r *Reader) shrunk(f *file) bool {
	if f.gz != nil || f.dead {
		return false
	}
	size, err := f.size()
	if err != nil {
		return false
	}
	short := size < r.scan.off+int64(len(r.scan.buf)) || f.replaced()
	f.known = max(f.known, size)
	return short
}

// truncated goes on after the file that is read was truncated: in the copy that was
// made of it before (copytruncate), if there is one; then from the start.
func (r *Reader) truncated(f *file) {
	pos := r.scan.pos()
	g, err := f.again()
	if err != nil {
		f.dead = true
		r.fail(err)
		return
	}
	r.all[g] = true
	r.queue[0] = g
	if c := r.copyOf(f); c != nil {
		r.queue = append([]*file{c}, r.queue...)
		r.scan.seek(c, pos)
		return
	}
	if g.known >= pos && (g.id != 0 && g.headAt >= pos || g.isHole(pos)) {
		// The writer went on at its old offset: what is a hole now was lost.
		r.scan.seek(g, pos)
		return
	}
	g.lost = &LostError{Path: f.path, Cause: Truncated, Bytes: max(f.known-pos, 0), Sure: f.known > pos}
	f.left = true
	r.queue = append([]*file{f}, r.queue...)
	r.scan.seek(f, pos)
}

// isHole reports whether there is a NUL in front of an offset.
func (f *file) isHole(off int64) bool {
	if off == 0 {
		return false
	}
	var b [1]byte
	n, err := f.readAt(b[:], off-1)
	return err == nil && n == 1 && b[0] == 0
}
