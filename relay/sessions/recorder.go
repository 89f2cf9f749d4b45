package sessions

import (
	"errors"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/relay/sessions/recordings"
)

const (
	queueBytes = 1 << 20   // that wait to be written; as many as the node keeps, without which it sends no more
	ownWindow  = 256 << 10 // bytes on their way to the recorder's own connection
	tellEvery  = 32 << 10  // after so many written bytes the node is told that it may forget them
	flushEvery = 64 << 10  // encoded bytes that are written at once
	quietAfter = 100 * time.Millisecond
)

// recorder writes the recording of a session. It takes output from the connections of clients
// that pass this relay (output), so that nothing is fetched for it twice, and from a connection of
// its own what those do not bring: while nobody is connected here, or all are behind. What it has
// not written the node keeps: nothing grows, nothing is lost, and a client never waits for a disk.
type recorder struct {
	b         *Broker
	id, agent string
	file      *recordings.Writer
	wake      chan struct{}
	stop      chan struct{} // closed when the relay ends
	over      chan struct{} // closed when the file is closed
	closing   sync.Once

	mu    sync.Mutex
	queue queue
	from  [wire.Streams]uint64 // where the piece begins
	next  [wire.Streams]uint64 // offset of what the queue gets next
	moved bool                 // a client's connection has moved it since the last look
	gap   bool                 // a client's connection has brought what comes after something missing
	conn  sessionclient.Conn   // its own, nil while there is none
	limit [wire.Streams]uint64 // up to which that may send
	exit  *session.Exit
	lost  error // why it will never have the rest

	rows, cols uint16 // of the terminal, as the recording has it

	fresh  bool // conn is another one, over which nothing was sent
	unsaid bool // the node was not told that the recording cannot be written

	reached [wire.Streams]uint64 // by what was encoded; of write alone
}

// queue is what waits to be written.
type queue struct {
	events []queued
	data   []byte
}

// queued is an event; its bytes are the next n of the queue's data.
type queued struct {
	at         time.Time
	kind       byte
	stream     wire.Stream
	offset     uint64
	n          int
	rows, cols uint16
}

func (q *queue) add(e queued, data []byte) {
	e.at, e.n = time.Now(), len(data)
	q.events, q.data = append(q.events, e), append(q.data, data...)
}

// output takes output that passes. What it has no room for comes again.
func (r *recorder) output(m *wire.Message, own bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.next[m.Stream]
	end := m.Offset + uint64(len(m.Data))
	switch {
	case r.lost != nil || end <= next:
		return
	case m.Offset > next || len(r.queue.data)+len(m.Data) > queueBytes:
		r.gap = r.gap || !own
	default:
		r.queue.add(queued{kind: recording.Output, stream: m.Stream, offset: next}, m.Data[next-m.Offset:])
		r.next[m.Stream] = end
		r.moved = r.moved || !own
	}
	r.signal()
}

func (r *recorder) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// write writes what comes, until the session ends, or this relay.
func (r *recorder) write() {
	defer close(r.over)
	var batch queue
	var written, told [wire.Streams]uint64
	own := true // the own connection has to bring the output
	quiet := time.NewTimer(time.Hour)
	for {
		var ended, still bool
		select {
		case <-r.wake:
		case <-quiet.C:
			still = true
		case <-r.stop:
			ended = true
		}
		r.mu.Lock()
		batch, r.queue = r.queue, queue{batch.events[:0], batch.data[:0]}
		ends, exit, lost := r.next, r.exit, r.lost
		switch {
		case r.gap || still && !r.moved:
			own = true
		case r.moved && own:
			own = false
		}
		if r.moved {
			quiet.Reset(quietAfter)
		}
		r.moved, r.gap = false, false
		r.mu.Unlock()
		durable, err := r.encode(&batch, ends)
		if err != nil {
			r.fail(err)
			return
		}
		for s := range durable {
			written[s] = max(written[s], durable[s])
		}
		switch {
		case exit != nil || lost != nil || ended:
			if exit == nil && lost == nil {
				lost = errStopped
			}
			r.finish(exit, lost)
			return
		case still:
			r.file.Release()
			batch = queue{}
		}
		r.credit(own, &written, &told)
	}
}

// encode writes a batch, and returns up to which offsets outputs are in the file for good.
func (r *recorder) encode(q *queue, ends [wire.Streams]uint64) (durable [wire.Streams]uint64, err error) {
	data := q.data
	reached := r.reached
	for i := range q.events {
		e := &q.events[i]
		p := data[:e.n]
		data = data[e.n:]
		switch e.kind {
		case recording.Output:
			r.file.Output(e.at, e.stream, e.offset, p)
			reached[e.stream] = e.offset + uint64(e.n)
		case recording.Input:
			r.file.Input(e.at, p)
		case recording.Resize:
			r.file.Resize(e.at, e.rows, e.cols)
		}
		if len(r.file.Bytes()) >= flushEvery {
			if durable, err = r.file.Write(reached); err != nil {
				return durable, err
			}
		}
	}
	r.reached = ends
	if len(q.events) == 0 {
		return durable, nil
	}
	last, err := r.file.Write(ends)
	for s := range last {
		durable[s] = max(durable[s], last[s])
	}
	return durable, err
}

// credit tells the node what is written, and for how much there is room.
func (r *recorder) credit(own bool, written, told *[wire.Streams]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		return
	}
	if r.fresh {
		r.fresh, *told = false, [wire.Streams]uint64{}
	}
	var b []byte
	for s := wire.Stdout; s < wire.Streams; s++ {
		more := false
		if limit := r.next[s] + ownWindow; own && limit > r.limit[s] {
			if more = limit-r.limit[s] >= ownWindow/2; more {
				r.limit[s] = limit
			}
		}
		if done := written[s] - told[s]; !more && done < tellEvery && (done == 0 || !own) {
			continue
		}
		told[s] = written[s]
		b = wire.Append(b, &wire.Message{Type: wire.Credit, Stream: s, Offset: written[s],
			Window: max(r.limit[s], written[s]) - written[s]})
	}
	if len(b) > 0 {
		_, _ = r.conn.Write(b) // who reads from it sees that it is lost
	}
}

// fail ends the session, as its recording cannot be written.
func (r *recorder) fail(err error) {
	r.b.o.Log.Error("a recording cannot be written: its session ends", "session", r.id, "agent", r.agent, "err", err)
	r.b.recordFailed(r.id, r.agent, err)
	r.mu.Lock()
	r.lost, r.unsaid = err, !r.say(wire.Detach)
	r.mu.Unlock()
	r.finish(nil, err)
}

// say sends a message without a body, if there is a connection. The caller holds the lock.
func (r *recorder) say(t wire.Type) bool {
	if r.conn == nil {
		return false
	}
	_, err := r.conn.Write(wire.Append(nil, &wire.Message{Type: t}))
	return err == nil
}

// finish closes the file.
func (r *recorder) finish(exit *session.Exit, why error) {
	r.mu.Lock()
	out := recording.Span{From: r.from[wire.Stdout], To: r.next[wire.Stdout]}
	errs := recording.Span{From: r.from[wire.Stderr], To: r.next[wire.Stderr]}
	r.mu.Unlock()
	if err := r.file.Close(out, errs, exit, why); err != nil && why == nil {
		r.b.o.Log.Error("the end of a recording cannot be written", "session", r.id, "err", err)
	}
	r.mu.Lock()
	r.lost = errors.Join(r.lost, why, errOver)
	if exit != nil {
		r.say(wire.Done)
	}
	r.mu.Unlock()
	r.b.forgetRecorder(r)
}

// Reasons for which a piece has no exit, beside those of files.
var (
	errStopped = errors.New("the relay ended")
	errAway    = errors.New("the node did not answer any more")
	errOver    = errors.New("the recording is over")
)
