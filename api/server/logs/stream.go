package logs

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/server/web"
)

const (
	flushAt    = 16 << 10         // bytes that are sent at once
	flushAfter = time.Millisecond // how long a record waits for more
	keepBuffer = 32 << 10         // bytes of a buffer that is kept
)

// stream sends records to a client. A record that comes soon after another waits for
// flushAfter, at most, for others that are sent with it.
type stream struct {
	a    *API
	ask  *request
	out  io.Writer
	end  func() // ends the compression
	ctl  *http.ResponseController
	enc  encoder
	sent int64 // entries
	more bool  // there are more entries than the limit

	mu     sync.Mutex
	buf    []byte
	timer  *time.Timer
	armed  bool
	closed bool
	wrote  time.Time     // when the last write ended
	took   time.Duration // of the slowest write
	fault  error         // of writing
}

func newStream(a *API, w http.ResponseWriter, r *http.Request, ask *request) *stream {
	s := &stream{a: a, ask: ask, out: w, end: func() {}, ctl: http.NewResponseController(w)}
	s.enc = ask.format.encoder(ask.several())
	if !ask.q.Follow {
		s.out, s.end = web.Compressed(w, r)
	}
	// The deadline of reading would end the request's context in the middle of the answer.
	_ = s.ctl.SetReadDeadline(time.Time{})
	s.timer = time.AfterFunc(time.Hour, s.flushLate)
	s.timer.Stop()
	return s
}

func (s *stream) entry(e *entry.Entry) {
	s.sent++
	s.a.stats.entries.Add(1)
	s.mu.Lock()
	s.buf = s.enc.entry(s.buf, e)
	s.appended()
	s.mu.Unlock()
}

func (s *stream) event(e *entry.Event) {
	if e.Time == 0 {
		e.Time = s.a.o.Now().UnixMicro()
	}
	s.a.stats.event(e.Kind)
	s.mu.Lock()
	s.buf = s.enc.event(s.buf, e)
	s.appended()
	s.mu.Unlock()
}

// ping keeps the connection busy in formats that have comments.
func (s *stream) ping() {
	s.mu.Lock()
	s.buf = append(s.buf, s.ask.format.ping...)
	s.appended()
	s.mu.Unlock()
}

// appended sends the buffer: now if nothing was sent for a while, else soon. The caller
// holds the lock.
func (s *stream) appended() {
	switch {
	case len(s.buf) >= flushAt:
		s.write()
	case s.armed || len(s.buf) == 0 || !s.ask.q.Follow:
	case time.Since(s.wrote) >= flushAfter:
		s.write()
	default:
		s.armed = true
		s.timer.Reset(flushAfter)
	}
}

func (s *stream) flushLate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	if !s.closed {
		s.write()
	}
}

// flush sends the buffer now.
func (s *stream) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write()
	return s.fault
}

// write sends the buffer. The caller holds the lock: a client that does not read stops
// its own reader.
func (s *stream) write() {
	if s.fault != nil {
		s.buf = s.buf[:0]
		return
	}
	begun := time.Now()
	_ = s.ctl.SetWriteDeadline(begun.Add(s.a.o.Stall)) // a writer of tests has none
	if _, s.fault = s.out.Write(s.buf); s.fault == nil && s.ask.q.Follow {
		s.fault = s.ctl.Flush()
	}
	s.wrote = time.Now()
	took := s.wrote.Sub(begun)
	s.took = max(s.took, took)
	if s.fault != nil && took >= s.a.o.Stall {
		s.a.stats.slow.Add(1)
	}
	s.a.stats.bytes.Add(uint64(len(s.buf)))
	s.buf = s.buf[:0]
	if cap(s.buf) > keepBuffer {
		s.buf = nil
	}
}

// slow reports whether the client took too long for a part.
func (s *stream) slow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.took < s.a.o.Slow || s.fault != nil {
		return false
	}
	s.a.stats.slow.Add(1)
	return true
}

func (s *stream) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// close ends the stream; nothing writes to the connection after it.
func (s *stream) close() {
	s.timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.end()
}
