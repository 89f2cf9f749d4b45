package publish

import "sync"

const (
	queueLen   = 64       // parts between the tick and the sender
	queueBytes = 64 << 20 // and their bytes
	spareBufs  = 8        // buffers kept for reuse
)

// item is a frame on its way. buf has room for the head of a spool record in
// front of the frame.
type item struct {
	buf   []byte
	fresh bool // first part of a keyframe
}

func (i *item) data() []byte { return i.buf[recordHead:] }

// queue passes frames from the tick to the sender, and buffers back. Buffers are a
// stack, so that only the few in use at a time grow.
type queue struct {
	mu    sync.Mutex
	ring  [queueLen]item
	head  int
	n     int
	bytes int
	spare [][]byte
	ready chan struct{} // one token: the queue has frames
}

func newQueue() *queue {
	return &queue{ready: make(chan struct{}, 1), spare: make([][]byte, 0, spareBufs)}
}

// push copies all parts of a tick, or none. It reports which.
func (q *queue) push(parts [][]byte, key bool) bool {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n+len(parts) > queueLen || q.n > 0 && q.bytes+size > queueBytes {
		return false
	}
	for i, p := range parts {
		buf := append(grow(q.take(), recordHead), p...)
		q.ring[(q.head+q.n)%queueLen] = item{buf: buf, fresh: key && i == 0}
		q.n++
	}
	q.bytes += size
	select {
	case q.ready <- struct{}{}:
	default:
	}
	return true
}

// pop removes the oldest frame.
func (q *queue) pop() (item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		return item{}, false
	}
	it := q.ring[q.head]
	q.ring[q.head] = item{}
	q.head = (q.head + 1) % queueLen
	q.n--
	q.bytes -= len(it.data())
	return it, true
}

// take returns a spare buffer of any length, or nil. The lock is held.
func (q *queue) take() []byte {
	n := len(q.spare)
	if n == 0 {
		return nil
	}
	b := q.spare[n-1]
	q.spare = q.spare[:n-1]
	return b
}

// buffer returns a spare buffer of any length, or nil.
func (q *queue) buffer() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.take()
}

// release returns a buffer for reuse.
func (q *queue) release(b []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.spare) < spareBufs && b != nil {
		q.spare = append(q.spare, b)
	}
}
