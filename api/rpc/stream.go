package rpc

import (
	"context"
	"io"
	"sync"
	"time"
)

// Limits of a stream.
const (
	// Window is how many bytes may be on their way in a direction: what a
	// stream holds in memory at each end, at most. SetWindow allows more.
	Window = 64 << 10
	// MaxWindow is the most that SetWindow allows.
	MaxWindow = 4 << 20
	// MaxChunk is the most that one message carries; a message over a wider window may
	// carry up to maxWideChunk.
	MaxChunk     = 16 << 10
	maxWideChunk = 128 << 10

	pingEvery = 5 * time.Second
	silence   = 16 * time.Second // three pings and a little
)

// Stream is a two-way stream of bytes between a client and a node. Whoever
// reads too slowly stops the one that writes. One goroutine may send while
// another receives.
type Stream struct {
	publish func(p []byte) error // to the other end
	onEnd   func()               // called once, when the stream is forgotten
	ctx     context.Context      // ends with the stream
	cancel  context.CancelCauseFunc

	mu        sync.Mutex
	writable  chan struct{} // has something if what Send waits for may have changed
	readable  chan struct{} // as writable, of Recv
	sent      uint64        // bytes sent
	credited  uint64        // of which the other end took so many
	room      int           // how many more it has room for
	buf       []byte        // for messages
	accepted  bool          // the other end is there
	stopped   bool          // the other end reads no more
	sentEnd   bool          // this end writes no more
	lastWords []byte        // the message that says so, until it is sent
	queue     [][]byte      // received, those from head on not taken
	head      int
	queued    int       // bytes in queue
	window    int       // how many it may have
	tellWidth bool      // the other end has to be told of window
	received  uint64    // bytes received
	taken     uint64    // bytes given to Recv's caller
	told      uint64    // of which the other end knows
	gotEnd    bool      // the other end writes no more, because of
	endErr    error     // this; io.EOF if it ended well
	heard     time.Time // when anything came last
	spoke     time.Time // when anything was sent last
}

func newStream(ctx context.Context, publish func([]byte) error, onEnd func()) *Stream {
	s := &Stream{publish: publish, onEnd: onEnd, writable: make(chan struct{}, 1),
		readable: make(chan struct{}, 1), heard: time.Now(), spoke: time.Now(), room: Window, window: Window}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	go s.keepAlive()
	return s
}

// Context ends when the stream does.
func (s *Stream) Context() context.Context { return s.ctx }

// Send sends bytes. It waits until the other end has room for them, and returns
// the other end's error if that has ended badly, or context.Cause of ctx.
func (s *Stream) Send(ctx context.Context, p []byte) error {
	for len(p) > 0 {
		n, err := s.reserve(ctx, len(p))
		if err != nil {
			return err
		}
		s.mu.Lock()
		offset := s.sent
		s.sent += uint64(n)
		s.buf = appendData(s.buf[:0], offset, p[:n])
		err = s.say(s.buf)
		s.mu.Unlock()
		if err != nil {
			return s.fail(err)
		}
		p = p[n:]
	}
	return nil
}

// reserve waits for room for up to n bytes, and returns for how many there is.
func (s *Stream) reserve(ctx context.Context, n int) (int, error) {
	for {
		s.mu.Lock()
		room := s.room - int(s.sent-s.credited)
		chunk := min(max(MaxChunk, s.room/4), maxWideChunk)
		ended := s.stopped || s.sentEnd
		ready := s.accepted && room > 0
		s.mu.Unlock()
		switch {
		case s.ctx.Err() != nil:
			return 0, context.Cause(s.ctx)
		case ended:
			return 0, &Error{Canceled, "the other end reads no more"}
		case ready:
			return min(n, room, chunk), nil
		}
		select {
		case <-s.writable:
		case <-s.ctx.Done():
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// Recv returns the next bytes, which are the caller's. It returns io.EOF when
// the other end has ended well, else an *Error.
func (s *Stream) Recv(ctx context.Context) ([]byte, error) {
	for {
		s.mu.Lock()
		if s.head < len(s.queue) {
			p := s.queue[s.head]
			s.queue[s.head] = nil
			if s.head++; s.head == len(s.queue) {
				s.queue, s.head = s.queue[:0], 0
			}
			s.queued -= len(p)
			s.taken += uint64(len(p))
			var err error
			if s.taken-s.told >= uint64(s.window/4) && !s.gotEnd {
				err = s.sayCredit()
			}
			s.mu.Unlock()
			if err != nil {
				return nil, s.fail(err)
			}
			return p, nil
		}
		ended, endErr := s.gotEnd, s.endErr
		s.mu.Unlock()
		if ended {
			return nil, endErr
		}
		if s.ctx.Err() != nil {
			return nil, context.Cause(s.ctx)
		}
		select {
		case <-s.readable:
		case <-s.ctx.Done():
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// CloseSend tells the other end that no more comes: its Recv returns io.EOF, or
// err if that is not nil.
func (s *Stream) CloseSend(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sentEnd {
		return
	}
	s.sentEnd = true
	var e *Error
	if err != nil {
		e = Errorf(CodeOf(err), "%s", err.Error())
	}
	s.lastWords = appendEnd(nil, e)
	s.sayLastWords()
	s.wake()
}

// sayLastWords sends the end of this direction once the other end is there to
// hear it: a node takes nothing in before it has accepted the request. The caller
// holds the lock.
func (s *Stream) sayLastWords() {
	if s.accepted && s.lastWords != nil {
		_ = s.say(s.lastWords) // on a broken connection the other end's silence timer does it
		s.lastWords = nil
	}
}

// Close ends both directions and forgets the stream. The other end's handler is
// told that nobody reads any more.
func (s *Stream) Close() {
	s.mu.Lock()
	if !s.gotEnd && s.ctx.Err() == nil {
		_ = s.say([]byte{byte(kindStop)}) // the silence timer does it otherwise
	}
	s.mu.Unlock()
	s.CloseSend(nil)
	s.end(&Error{Canceled, "the stream was closed"})
}

// end ends the stream at this end.
func (s *Stream) end(cause error) {
	s.mu.Lock()
	first := s.ctx.Err() == nil || s.onEnd != nil
	onEnd := s.onEnd
	s.onEnd = nil
	s.mu.Unlock()
	s.cancel(cause)
	if first && onEnd != nil {
		onEnd()
	}
}

// fail ends a stream that the network broke.
func (s *Stream) fail(err error) error {
	e := Errorf(Unavailable, "the stream broke: %v", err)
	s.end(e)
	return e
}

// say sends a message. The caller holds the lock, which keeps messages in order.
func (s *Stream) say(p []byte) error {
	s.spoke = time.Now()
	return s.publish(p)
}

// wake lets those who wait for a change look again. There is one sender at most, and one
// receiver.
func (s *Stream) wake() {
	for _, c := range [...]chan struct{}{s.writable, s.readable} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// keepAlive tells the other end that this one lives, and ends the stream when
// the other one does not.
func (s *Stream) keepAlive() {
	tick := time.NewTicker(pingEvery / 2)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			s.end(context.Cause(s.ctx))
			return
		case <-tick.C:
		}
		s.mu.Lock()
		silent := time.Since(s.heard) > silence
		if !silent && time.Since(s.spoke) >= pingEvery {
			s.sayState()
		}
		s.mu.Unlock()
		if silent {
			s.end(ErrSilent)
			return
		}
	}
}

// sayState tells the other end how much was sent and taken in all. That shows that this
// end lives, what was lost at the end of what it sent, and credits that were lost. The
// caller holds the lock.
func (s *Stream) sayState() {
	if !s.accepted {
		_ = s.say([]byte{byte(kindPing)}) // a broken connection shows by its silence
		return
	}
	if !s.sentEnd {
		_ = s.say(appendData(nil, s.sent, nil))
	}
	_ = s.sayCredit()
}

// sayCredit tells the other end how much was taken, and how much room there is. The caller
// holds the lock.
func (s *Stream) sayCredit() error {
	s.told, s.tellWidth = s.taken, false
	s.buf = appendCredit(s.buf[:0], s.taken, s.window)
	return s.say(s.buf)
}

// SetWindow lets more bytes come at once than Window, at most MaxWindow: what a stream may
// hold in memory. It never becomes less.
func (s *Stream) SetWindow(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n = min(n, MaxWindow); n <= s.window {
		return
	}
	s.window, s.tellWidth = n, true
	if s.accepted {
		_ = s.sayCredit() // else it is said once the other end is there
	}
}

// resync tells the other end the state, after the connection was lost for a while.
func (s *Stream) resync() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() == nil {
		s.sayState()
	}
}

// take takes a message of the other end in, whose bytes it keeps. It never blocks.
func (s *Stream) take(p []byte) {
	m, err := parseMessage(p)
	if err != nil {
		s.end(&Error{Internal, "the other end sent what is no message"})
		return
	}
	s.mu.Lock()
	cause := s.takeLocked(&m)
	s.wake()
	s.mu.Unlock()
	if cause != nil {
		s.end(cause)
	}
}

// takeLocked returns why the stream has to end, if it has to.
func (s *Stream) takeLocked(m *message) error {
	s.heard = time.Now()
	s.accepted = true
	if s.tellWidth {
		_ = s.sayCredit()
	}
	s.sayLastWords()
	switch m.kind {
	case kindData:
		switch {
		case s.gotEnd:
			return &Error{Internal, "the other end sent more after its end"}
		case m.number != s.received:
			return ErrLost
		case s.queued+len(m.data) > s.window:
			return &Error{Internal, "the other end sent more than there is room for"}
		case len(m.data) == 0: // it only says how much it has sent
			return nil
		}
		s.received += uint64(len(m.data))
		s.queued += len(m.data)
		if s.head > 0 && len(s.queue) == cap(s.queue) {
			n := copy(s.queue, s.queue[s.head:])
			clear(s.queue[n:])
			s.queue, s.head = s.queue[:n], 0
		}
		s.queue = append(s.queue, m.data)
	case kindCredit:
		if m.number > s.sent || m.number < s.credited {
			return &Error{Internal, "the other end took what was not sent"}
		}
		s.credited, s.room = m.number, max(s.room, m.window)
	case kindEnd:
		if s.gotEnd {
			break
		}
		s.gotEnd, s.endErr = true, io.EOF
		if m.err != nil {
			s.endErr = m.err
		}
	case kindStop:
		s.stopped = true
		return &Error{Canceled, "the other end reads no more"}
	}
	return nil
}
