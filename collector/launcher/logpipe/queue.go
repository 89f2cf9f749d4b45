package logpipe

import "slices"

// queue holds batches in the order of their lines: first those that were sent and that
// journald may not have handled, then those that were not sent.
type queue struct {
	all    []*batch
	sent   int // how many of all were sent
	unsent int // bytes of the others
	free   []*batch
}

// maxFree is how many unused batches are kept.
const maxFree = 32

// open returns the last batch, or a new one, to which an entry of n bytes can be added.
func (q *queue) open(n int) *batch {
	if len(q.all) > q.sent {
		if b := q.all[len(q.all)-1]; b.room(n) && !b.again && !b.notice.any() {
			return b
		}
	}
	b := q.unused(n)
	q.all = append(q.all, b)
	return b
}

// add adds an entry at the end, whose message is a line of the task.
func (q *queue) add(fields, prefix, line []byte) *batch {
	b := q.open(len(fields) + len(prefix) + len(line) + 1)
	before := len(b.buf)
	b.add(fields, prefix, line)
	q.unsent += len(b.buf) - before
	b.bytes += len(line)
	return b
}

// unused returns an empty batch for n bytes or more.
func (q *queue) unused(n int) *batch {
	if n > batchMax {
		return &batch{buf: make([]byte, 0, n+1), asFile: true}
	}
	if k := len(q.free); k > 0 {
		b := q.free[k-1]
		q.free = q.free[:k-1]
		return b
	}
	return &batch{buf: make([]byte, 0, batchMax+1), entries: make([]int32, 0, batchMax/128)}
}

// next returns the first batch that was not sent.
func (q *queue) next() *batch {
	if q.sent == len(q.all) {
		return nil
	}
	return q.all[q.sent]
}

// nextSent says that next was sent.
func (q *queue) nextSent() {
	q.unsent -= len(q.all[q.sent].buf)
	q.sent++
}

// insert puts a batch before those that were not sent.
func (q *queue) insert(b *batch) {
	q.all = slices.Insert(q.all, q.sent, b)
	q.unsent += len(b.buf)
}

// handled forgets the first n batches: journald has handled them.
func (q *queue) handled(n int) {
	if n <= 0 {
		return
	}
	for _, b := range q.all[:n] {
		q.recycle(b)
	}
	q.remove(0, n)
	q.sent -= n
}

func (q *queue) remove(from, to int) {
	n := copy(q.all[from:], q.all[to:])
	clear(q.all[from+n:])
	q.all = q.all[:from+n]
}

func (q *queue) recycle(b *batch) {
	if len(q.free) < maxFree && cap(b.buf) == batchMax+1 {
		b.reset()
		q.free = append(q.free, b)
	}
}

// dropFirst drops the first batch that was not sent. It returns what is lost with it, and
// what its report would have said.
func (q *queue) dropFirst() (lines, bytes uint64, unsaid notice) {
	b := q.all[q.sent]
	lines, bytes, unsaid = uint64(b.lines), uint64(b.bytes), b.notice
	q.unsent -= len(b.buf)
	q.remove(q.sent, q.sent+1)
	q.recycle(b)
	return lines, bytes, unsaid
}

// sendAgain makes those that were sent unsent, because journald may have lost them.
func (q *queue) sendAgain() {
	for _, b := range q.all[:q.sent] {
		b.again = true
		b.mark()
		q.unsent += len(b.buf)
	}
	q.sent = 0
}

// sentBytes returns how many bytes the sent batches have.
func (q *queue) sentBytes() (n int) {
	for _, b := range q.all[:q.sent] {
		n += len(b.buf)
	}
	return n
}

// certain returns how many of the sent batches journald has handled for sure if the
// kernel queues less than limit bytes before it makes a sender wait: a batch is handled
// once journald has taken the next one, and the bytes of those that it has not taken,
// without the last one, are below limit.
func (q *queue) certain(limit int) int {
	waiting := 0
	for j := q.sent - 2; j > 0; j-- {
		if waiting += q.all[j].wire(); waiting >= limit {
			return j
		}
	}
	return 0
}
