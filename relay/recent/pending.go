package recent

import (
	"math"

	"github.com/daytwo/daytwo/api/frame"
)

// pendingBytes is the bookkeeping of one frame that is to be written.
const pendingBytes = 256

// pendingFrame is a frame that is in memory, and to be written to disk.
type pendingFrame struct {
	frame.Header
	data    []byte // nil for a mark, which only has stored called in its turn
	key     frame.Header
	keyData []byte // the keyframe's part that a delta needs; nil for a keyframe
	at      int64  // received, Unix nanoseconds
	no      uint64 // number of its arrival
	stored  func() // may be nil
}

func (f *pendingFrame) size() int64 { return int64(len(f.data)) + pendingBytes }

// pending is the frames that are to be written, oldest first, and those that the
// writer is about to write. The store's lock guards it.
type pending struct {
	queue   fifo[pendingFrame]
	writing []pendingFrame // the writer's batch, which it does not change meanwhile
	frames  int            // of both, marks left out
	bytes   int64          // of both
}

// empty reports whether everything is written.
func (p *pending) empty() bool { return p.queue.len() == 0 && len(p.writing) == 0 }

// safe returns the arrival number before that of the first frame to be written.
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

// take moves the oldest frames to batch, the writer's, until it has limit bytes.
func (p *pending) take(batch []pendingFrame, limit int64) []pendingFrame {
	for size := int64(0); p.queue.len() > 0 && size < limit; p.queue.pop() {
		batch = append(batch, *p.queue.front())
		size += p.queue.front().size()
	}
	p.writing = batch
	return batch
}

// settled removes the writer's batch.
func (p *pending) settled() {
	for i := range p.writing {
		p.forget(&p.writing[i])
	}
	p.writing = nil
}

func (p *pending) forget(f *pendingFrame) {
	if f.data != nil {
		p.frames--
	}
	p.bytes -= f.size()
}

// giveUp drops everything, and returns the callbacks and how many frames those were.
// The writer keeps its batch, which is no longer counted.
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

// call calls those of fns that are not nil. The store's lock is not held.
func call(fns []func()) {
	for _, fn := range fns {
		if fn != nil {
			fn()
		}
	}
}
