package client

import (
	"context"
	"io"
	"time"

	"github.com/daytwo/daytwo/api/session/wire"
)

// Write sends input. It waits until there is room for it.
func (s *Session) Write(p []byte) (n int, err error) { return s.WriteContext(context.Background(), p) }

// WriteContext is Write until ctx ends.
func (s *Session) WriteContext(ctx context.Context, p []byte) (n int, err error) {
	for len(p) > 0 {
		s.mu.Lock()
		if s.closed || s.inEnd {
			s.mu.Unlock()
			return n, io.ErrClosedPipe
		}
		room := min(maxInput-len(s.in), len(p))
		if room > 0 {
			s.keep(p[:room])
			s.sendInput()
		}
		changed := s.changed
		s.mu.Unlock()
		n, p = n+room, p[room:]
		if len(p) == 0 {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return n, context.Cause(ctx)
		}
	}
	return n, nil
}

// keep appends input to what is kept. Its memory is twice as large as what was in it at most, so
// that each byte is moved once at most. The caller holds the lock.
func (s *Session) keep(p []byte) {
	if n := len(s.in) + len(p); n > cap(s.in) {
		if cap(s.inBuf) < 2*n {
			s.inBuf = make([]byte, 0, 2*n)
		}
		s.in = append(s.inBuf[:0], s.in...)
	}
	s.in = append(s.in, p...)
}

// CloseWrite says that input is at its end.
func (s *Session) CloseWrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inEnd = true
	s.sendInput()
}

// Resize says how large the terminal is.
func (s *Session) Resize(rows, cols uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size = [2]uint16{rows, cols}
	if s.started && s.writes {
		s.send(&wire.Message{Type: wire.Resize, Rows: rows, Cols: cols})
	}
}

// Signal sends a signal to the program, and reports whether there is a connection for it.
func (s *Session) Signal(number int) bool {
	return s.say(&wire.Message{Type: wire.Signal, Number: uint64(number)})
}

// ClaimTime is how long who attaches to a session may take to get the writing, if nobody has it.
const ClaimTime = 2 * time.Second

// Watches reports whether this client is connected, and somebody else writes.
func (s *Session) Watches() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started && !s.writes && (s.wrote || time.Since(s.claimed) >= ClaimTime)
}

// Claim asks to be the one who writes. If somebody else is, take takes it over.
func (s *Session) Claim(take bool) {
	m := wire.Message{Type: wire.Claim}
	if take {
		m.Number = 1
	}
	s.say(&m)
}

// Yield gives the writing away.
func (s *Session) Yield() { s.say(&wire.Message{Type: wire.Yield}) }

// Detach leaves the session, which goes on. Run returns ErrDetached.
func (s *Session) Detach() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.detach = true
	s.send(&wire.Message{Type: wire.Detach})
}

// say sends a message, and reports whether there is a connection for it.
func (s *Session) say(m *wire.Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		s.send(m)
	}
	return s.started
}

// send sends a message, if there is a connection. A failed one shows to who reads from it. The
// caller holds the lock, which keeps messages in order.
func (s *Session) send(m *wire.Message) {
	if s.conn == nil {
		return
	}
	s.buf = wire.Append(s.buf[:0], m)
	if _, err := s.conn.Write(s.buf); err != nil {
		s.conn.Close()
	}
}

// sendInput sends input that was not sent yet, as far as there is room. The caller holds the
// lock.
func (s *Session) sendInput() {
	if !s.started || !s.writes {
		return
	}
	end := s.inFrom + uint64(len(s.in))
	for s.inSent < min(end, s.inRoom) {
		data := s.in[s.inSent-s.inFrom : min(end, s.inRoom)-s.inFrom]
		data = data[:min(len(data), wire.MaxData)]
		s.send(&wire.Message{Type: wire.Data, Stream: wire.Stdin, Offset: s.inSent, Data: data})
		s.inSent += uint64(len(data))
	}
	if s.inEnd && !s.endSent && s.inSent == end {
		s.endSent = true
		s.send(&wire.Message{Type: wire.End, Stream: wire.Stdin, Offset: end})
	}
}

// forget forgets input that has arrived, up to an offset. The caller holds the lock.
func (s *Session) forget(offset uint64) {
	switch {
	case offset <= s.inFrom:
		return
	case offset >= s.inFrom+uint64(len(s.in)):
		s.in, s.inFrom = s.inBuf[:0], offset
	default:
		s.in = s.in[offset-s.inFrom:]
		s.inFrom = offset
	}
	s.inSent = max(s.inSent, s.inFrom)
}
