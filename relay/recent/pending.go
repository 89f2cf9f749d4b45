package recent

import (
	"math"

	"github.com/daytwo/daytwo/api/frame"
)

// pendingBytes is the bookkeeping of one frame that waits to be written.
const pendingBytes = 256

// pendingFrame is a frame in memory that waits to be written to disk.
type pendingFrame struct {
	frame.Header
	data    []byte       // nil for a duplicate, whose stored is called in its turn
	key     frame.Header // of the keyframe's part that a delta refers to
	keyData []byte       // that part; nil for a keyframe
	at      int64        // when it was received, Unix nanoseconds
	no      uint64       // arrival number
	stored  func()       // may be nil
}

func (f *pendingFrame) size() int64 { return int64(len(f.data)) + pendingBytes }

// pending holds the frames that wait to be written. The store's lock guards it.
type pending struct {
	queue   fifo[pendingFrame] // oldest first
	writing []pendingFrame     // the writer's batch, older than queue; nobody modifies it while it is written
	frames  int                // in both, without duplicates
	bytes   int64              // of both, bookkeeping included
}

// empty reports whether no frame waits to be written.
func (p *pending) empty() bool { return p.queue.len() == 0 && len(p.writing) == 0 }

// safe returns the largest arrival number such that no frame up to it waits to be
// written.
func (p *pending) safe() uint64 {
	for i := range p.writing {
		if f := &p.writing[i]; f.data != nil {
			return f.no - 1
		}
	}
	for i := range p.queue.all() {
		if f := &p.queue.all()[i]; f.data != nil {
			return f.no - 1
		}
	}
	return math.MaxUint64
}

func (p *pending) push(f pendingFrame) {
	if f.data != nil {
		p.frames++
	}
	p.bytes += f.size()
	p.queue.push(f)
}

// take moves the oldest frames from the queue to the writer's batch, until that has limit
// bytes.
func (p *pending) take(batch []pendingFrame, limit int64) []pendingFrame {
	for size := int64(0); p.queue.len() > 0 && size < limit; p.queue.pop() {
		batch = append(batch, *p.queue.front())
		size += p.queue.front().size()
	}
	p.writing = batch
	return batch
}

// settled removes the writer's batch, once it is written or has failed.
func (p *pending) settled() {
	for i := range p.writing {
		p.forget(&p.writing[i])
	}
	p.writing = nil
}

// forget subtracts a frame from the counts.
func (p *pending) forget(f *pendingFrame) {
	if f.data != nil {
		p.frames--
	}
	p.bytes -= f.size()
}

// giveUp removes all frames, and returns their number and their callbacks. The writer
// still has its batch, which is no longer counted.
func (p *pending) giveUp() (frames int, stored []func()) {
	frames = p.frames
	for i := range p.writing {
		stored = append(stored, p.writing[i].stored)
	}
	for _, f := range p.queue.all() {
		stored = append(stored, f.stored)
	}
	*p = pending{queue: fifo[pendingFrame]{keep: true}}
	return frames, stored
}

// call calls the functions that are not nil. The store's lock is not held.
func call(fns []func()) {
	for _, fn := range fns {
		if fn != nil {
			fn()
		}
	}
}
