package logpipe

import "slices"

// batchMax is how many bytes of entries are sent as one datagram.
const batchMax = 32 << 10

// batch is entries that are sent together: journald takes several in one datagram, with
// an empty line between them.
type batch struct {
	buf     []byte
	entries []int32 // where each begins in buf
	lines   int     // of the task, without reports
	bytes   int     // of those lines
	again   bool    // it was sent before, and journald may have lost it
	marked  bool    // its entries say so
	asFile  bool    // the socket takes no datagram that large
	notice  notice  // what its report says, if it has one
}

func (b *batch) reset() {
	*b = batch{buf: b.buf[:0], entries: b.entries[:0]}
}

// wire returns how many bytes of a datagram the batch takes.
func (b *batch) wire() int {
	if b.asFile {
		return 0
	}
	return len(b.buf)
}

// room reports whether an entry of n bytes fits.
func (b *batch) room(n int) bool { return len(b.buf)+n+1 <= cap(b.buf) }

// add appends an entry: fields, a prefix, and the line that is its message.
func (b *batch) add(fields, prefix, line []byte) {
	if len(b.buf) > 0 {
		b.buf = append(b.buf, '\n')
	}
	b.entries = append(b.entries, int32(len(b.buf)))
	b.buf = append(b.buf, fields...)
	b.buf = append(b.buf, prefix...)
	b.buf = append(b.buf, line...)
	b.buf = append(b.buf, '\n')
}

// resentField marks an entry that may be in the journal twice.
const resentField = "LINE_RESENT=1\n"

// mark marks each entry as one that was sent before.
func (b *batch) mark() {
	if b.marked {
		return
	}
	b.marked = true
	to := make([]byte, 0, len(b.buf)+len(b.entries)*len(resentField))
	for i, from := range b.entries {
		end := len(b.buf)
		if i+1 < len(b.entries) {
			end = int(b.entries[i+1])
		}
		b.entries[i] = int32(len(to))
		to = append(append(to, resentField...), b.buf[from:end]...)
	}
	b.buf = slices.Clip(to)
}
