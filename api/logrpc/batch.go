package logrpc

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/rpc"
)

// The answer to verbEntries is a sequence of frames: the length (uvarint) and a batch of
// api/entry, or length 0 for a sign of life, which is also the first frame.

const (
	// batchBytes is from how many bytes on a batch is sent. Below 16 KiB the codec needs no
	// memory for its compression.
	batchBytes = 12 << 10
	// waits is how long a record that comes soon after another waits for more.
	waits = 300 * time.Microsecond
	// keepBuffer is how many bytes of a buffer are kept for the next batch.
	keepBuffer = 32 << 10
)

// encoders are used from the first record of a batch to its end, so that a stream on which
// nothing comes holds none.
var encoders = sync.Pool{New: func() any { return new(entry.Encoder) }}

// batchWriter sends records in batches: at once when the source has no more.
type batchWriter struct {
	ctx    context.Context
	stream *rpc.Stream

	mu    sync.Mutex
	enc   *entry.Encoder // nil while there is no record
	frame []byte
	timer *time.Timer
	armed bool
	sent  time.Time // when the last batch was sent
	err   error
}

func newBatchWriter(ctx context.Context, s *rpc.Stream) *batchWriter {
	w := &batchWriter{ctx: ctx, stream: s}
	w.timer = time.AfterFunc(time.Hour, w.flushLate)
	w.timer.Stop()
	return w
}

// add adds a record, which it does not keep.
func (w *batchWriter) add(rec entry.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if rec.Entry == nil && rec.Event == nil {
		w.send()
		w.write(nil)
		return w.err
	}
	if !w.put(rec) { // the batch has no room
		w.send()
		if !w.put(rec) {
			w.put(entry.Record{Event: tooLarge(rec.Entry)})
		}
	}
	switch {
	case w.enc.Size() >= batchBytes, !w.armed && time.Since(w.sent) >= waits:
		w.send()
	case !w.armed:
		w.armed = true
		w.timer.Reset(waits)
	}
	return w.err
}

func tooLarge(e *entry.Entry) *entry.Event {
	if e == nil {
		return &entry.Event{Kind: entry.Unreadable, Message: "an event is too large to be sent"}
	}
	return &entry.Event{
		Kind: entry.Truncated, Time: e.Realtime, Agent: e.Origin.Tag("agent_id"), Count: 1,
		Message: fmt.Sprintf("an entry of more than %d MiB was left out", entry.MaxBatch>>20),
	}
}

// put reports whether there was room.
func (w *batchWriter) put(rec entry.Record) bool {
	if w.enc == nil {
		w.enc = encoders.Get().(*entry.Encoder)
	}
	if rec.Entry != nil {
		return w.enc.Add(rec.Entry) == nil
	}
	return w.enc.AddEvent(rec.Event) == nil
}

func (w *batchWriter) flushLate() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	w.send()
}

// send sends the batch, if there is one. The caller holds the lock: while the other end
// takes nothing, the source waits.
func (w *batchWriter) send() {
	if w.enc == nil {
		return
	}
	enc := w.enc
	w.enc = nil
	large := enc.Size() > 4*batchBytes
	if enc.Count() > 0 && w.err == nil {
		if err := enc.Finish(entry.Header{}, 0, w.write); err != nil && w.err == nil {
			w.err = err
		}
		w.sent = time.Now()
	} else {
		enc.Reset()
	}
	if !large { // else its buffers are large
		encoders.Put(enc)
	}
}

// write sends a frame.
func (w *batchWriter) write(message []byte) error {
	if w.err != nil {
		return w.err
	}
	w.frame = append(binary.AppendUvarint(w.frame[:0], uint64(len(message))), message...)
	w.err = w.stream.Send(w.ctx, w.frame)
	if cap(w.frame) > keepBuffer {
		w.frame = nil
	}
	return w.err
}

// close sends what there is.
func (w *batchWriter) close() error {
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.send()
	return w.err
}
