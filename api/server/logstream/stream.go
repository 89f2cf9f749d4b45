package logstream

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

const (
	flushAt    = 16 << 10         // bytes that are sent at once
	flushAfter = time.Millisecond // how long a record waits for more
	keepBuffer = 32 << 10         // bytes of a buffer that is kept
)

// Encode appends a record in a format. A record without an entry and without an event comes
// while there is nothing to send: formats that have comments keep the connection busy.
type Encode func(dst []byte, rec entry.Record) []byte

// Stream is the body of an answer. A live one sends a record at once, unless that comes
// soon after another one: then it waits up to flushAfter for more, which are sent together.
type Stream struct {
	set  *Streams
	path string    // of the request
	out  io.Writer // where the bytes go
	live bool
	enc  Encode
	ctl  *http.ResponseController
	sent int64 // entries

	mu     sync.Mutex
	buf    []byte
	timer  *time.Timer
	armed  bool
	closed bool
	wrote  time.Time     // when the last write ended
	took   time.Duration // of the slowest write
	fault  error         // of writing
}

// Open begins an answer. Its bytes go to out, which is w or a writer to it. Whoever opens a
// stream closes it.
func (s *Streams) Open(w http.ResponseWriter, r *http.Request, out io.Writer, live bool, enc Encode) *Stream {
	s.open.Add(1)
	s.opened.Add(1)
	st := &Stream{set: s, path: r.URL.Path, out: out, live: live, enc: enc, ctl: http.NewResponseController(w)}
	// The deadline of reading would end the request's context in the middle of the answer.
	_ = st.ctl.SetReadDeadline(time.Time{}) // a writer of tests has none
	st.timer = time.AfterFunc(time.Hour, st.flushLate)
	st.timer.Stop()
	return st
}

// Send sends a record.
func (st *Stream) Send(rec entry.Record) {
	switch {
	case rec.Entry != nil:
		st.sent++
		st.set.entries.Add(1)
	case rec.Event != nil:
		if rec.Event.Time == 0 {
			rec.Event.Time = st.set.o.Now().UnixMicro()
		}
		st.set.event(rec.Event.Kind)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.buf = st.enc(st.buf, rec)
	switch {
	case len(st.buf) >= flushAt:
		st.write()
	case st.armed || len(st.buf) == 0 || !st.live:
	case time.Since(st.wrote) >= flushAfter:
		st.write()
	default:
		st.armed = true
		st.timer.Reset(flushAfter)
	}
}

func (st *Stream) flushLate() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.armed = false
	if !st.closed {
		st.write()
	}
}

// Flush sends what waits, and the header of a live answer if it was not sent yet.
func (st *Stream) Flush() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.write()
	return st.fault
}

// write sends the buffer. The caller holds the lock: a client that does not read stops
// its own reader.
func (st *Stream) write() {
	if st.fault != nil {
		st.buf = st.buf[:0]
		return
	}
	begun := time.Now()
	_ = st.ctl.SetWriteDeadline(begun.Add(st.set.o.Stall)) // a writer of tests has none
	if _, st.fault = st.out.Write(st.buf); st.fault == nil && st.live {
		st.fault = st.ctl.Flush()
	}
	st.wrote = time.Now()
	took := st.wrote.Sub(begun)
	st.took = max(st.took, took)
	if st.fault != nil && took >= st.set.o.Stall {
		st.set.slow.Add(1)
	}
	st.set.bytes.Add(uint64(len(st.buf)))
	st.buf = st.buf[:0]
	if cap(st.buf) > keepBuffer {
		st.buf = nil
	}
}

// slow reports whether the client took too long for a part.
func (st *Stream) slow() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.took < st.set.o.Slow || st.fault != nil {
		return false
	}
	st.set.slow.Add(1)
	return true
}

// err returns why nothing more can be sent.
func (st *Stream) err() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.fault
}

// Close ends the stream; nothing writes to the connection after it.
func (st *Stream) Close() {
	st.timer.Stop()
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.closed {
		st.closed = true
		st.set.open.Add(-1)
	}
}
