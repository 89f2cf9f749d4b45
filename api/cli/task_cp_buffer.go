package cli

import (
	"io"
	"sync"
)

// copyBuffer is a pipe with room for some bytes, so that the next ones come while a file is
// written.
type copyBuffer struct {
	mu        sync.Mutex
	changed   *sync.Cond
	mem       []byte
	from, end int   // of the bytes in mem; both only grow, and wrap around in it
	closed    error // for the reader, once it has read what there is
	refused   error // for the writer
}

func newCopyBuffer(size int) *copyBuffer {
	b := &copyBuffer{mem: make([]byte, size)}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// Write waits for room.
func (b *copyBuffer) Write(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(p) > 0 {
		for b.end-b.from == len(b.mem) && b.refused == nil {
			b.changed.Wait()
		}
		if b.refused != nil {
			return n, b.refused
		}
		at := b.end % len(b.mem)
		m := copy(b.mem[at:min(len(b.mem), at+len(b.mem)-(b.end-b.from))], p)
		n, p = n+m, p[m:]
		b.end += m
		b.changed.Broadcast()
	}
	return n, nil
}

// Read waits for bytes. Only the reader moves from, so that it copies them unlocked.
func (b *copyBuffer) Read(p []byte) (int, error) {
	b.mu.Lock()
	for b.end == b.from && b.closed == nil {
		b.changed.Wait()
	}
	at := b.from % len(b.mem)
	have := b.mem[at:min(len(b.mem), at+b.end-b.from)]
	err := b.closed
	b.mu.Unlock()
	if len(have) == 0 {
		return 0, err
	}
	n := copy(p, have)
	b.mu.Lock()
	b.from += n
	b.changed.Broadcast()
	b.mu.Unlock()
	return n, nil
}

// Close says that nothing else is written.
func (b *copyBuffer) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = io.EOF
	b.changed.Broadcast()
}

// refuse makes writing fail.
func (b *copyBuffer) refuse(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refused = err; err == nil {
		b.refused = io.ErrClosedPipe
	}
	b.changed.Broadcast()
}
