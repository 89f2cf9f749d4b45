package client

import (
	"context"
	"io"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// serve uses a connection until it ends. It returns the exit, if that came, and whether
// anything came.
func (s *Session) serve(ctx context.Context, conn Conn) (exit *session.Exit, progress bool, err error) {
	done := make(chan struct{})
	defer close(done)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	s.mu.Lock()
	s.conn, s.started, s.endSent, s.heard = conn, false, false, time.Now()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.conn, s.started = nil, false
		s.mu.Unlock()
	}()
	go s.keepAlive(conn, done)
	r := wire.NewReader(conn, 64<<10)
	for {
		m, err := r.Next()
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, progress, err
		}
		progress = true
		s.mu.Lock()
		s.heard = time.Now()
		s.mu.Unlock()
		if exit, err := s.take(&m); exit != nil || err != nil {
			if exit != nil {
				farewell(conn, r)
			}
			return exit, progress, err
		}
	}
}

// farewell waits until the other end has heard that this one has everything, and has closed the
// connection.
func farewell(conn Conn, r *wire.Reader) {
	late := time.AfterFunc(2*time.Second, func() { conn.Close() })
	defer late.Stop()
	for {
		if _, err := r.Next(); err != nil {
			return
		}
	}
}

// keepAlive sends pings, and closes a connection over which nothing comes.
func (s *Session) keepAlive(conn Conn, done chan struct{}) {
	tick := time.NewTicker(s.o.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		silent := !s.stalled && time.Since(s.heard) > 2*s.o.PingEvery
		s.lastPing++
		s.send(&wire.Message{Type: wire.Ping, Number: s.lastPing})
		s.mu.Unlock()
		if silent {
			conn.Close()
			return
		}
	}
}

// take takes a message in.
func (s *Session) take(m *wire.Message) (*session.Exit, error) {
	switch m.Type {
	case wire.Data:
		return nil, s.output(m)
	case wire.Gap:
		if m.Stream == wire.Stdin {
			return nil, wire.ErrMalformed
		}
		s.mu.Lock()
		s.out[m.Stream].taken = m.To
		s.credit(m.Stream)
		s.mu.Unlock()
		if s.o.Gap != nil {
			s.o.Gap(m.Stream, m.To-m.Offset)
		}
	case wire.Exit:
		exit, err := wire.ParseExit(m.Data)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.send(&wire.Message{Type: wire.Done})
		s.mu.Unlock()
		return &exit, nil
	case wire.Started:
		return nil, s.start(m.Data)
	case wire.Writer:
		return nil, s.writer(m.Data)
	case wire.Watched:
		if s.o.Watched != nil {
			s.o.Watched(m.Number, string(m.Data))
		}
	case wire.Credit:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.inRoom = max(s.inRoom, m.Offset+m.Window)
		if s.writes {
			s.forget(m.Offset)
		}
		s.sendInput()
		s.wake()
	case wire.Ping:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.send(&wire.Message{Type: wire.Pong, Number: m.Number})
	}
	return nil, nil
}

// output hands output on, and gives credit for it.
func (s *Session) output(m *wire.Message) error {
	if m.Stream == wire.Stdin {
		return wire.ErrMalformed
	}
	p := &s.out[m.Stream]
	if m.Offset != p.taken {
		return wire.ErrMalformed // the connection repeats or leaves out: another one is right
	}
	w := s.o.Stdout
	if m.Stream == wire.Stderr {
		w = s.o.Stderr
	}
	if w != nil && len(m.Data) > 0 {
		s.stall(true)
		_, err := w.Write(m.Data)
		s.stall(false)
		if err != nil {
			return &FinalError{err}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.taken += uint64(len(m.Data))
	if p.taken-p.told >= uint64(s.o.Window)/4 {
		s.credit(m.Stream)
	}
	return nil
}

// stall notes whether output waits here: the connection's silence means nothing then.
func (s *Session) stall(stalled bool) {
	s.mu.Lock()
	s.stalled, s.heard = stalled, time.Now()
	s.mu.Unlock()
}

// credit tells the keeper how much of an output was taken. The caller holds the lock.
func (s *Session) credit(stream wire.Stream) {
	p := &s.out[stream]
	p.told = p.taken
	s.send(&wire.Message{Type: wire.Credit, Stream: stream, Offset: p.taken, Window: uint64(s.o.Window)})
}

// start takes in how the session is when a connection begins.
func (s *Session) start(body []byte) error {
	start, err := wire.ParseStarted(body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.out[wire.Stdout].taken, s.out[wire.Stderr].taken = start.Stdout, start.Stderr
	s.out[wire.Stdout].told, s.out[wire.Stderr].told = start.Stdout, start.Stderr
	s.arrived = start.Stdin
	s.inRoom = max(s.inRoom, start.Stdin+start.Window)
	s.mu.Unlock()
	if s.o.Started != nil {
		s.o.Started(start)
	}
	return nil
}

// writer takes in who writes. Input that was sent while another one's counted is lost; what was
// not sent waits until this client writes.
func (s *Session) writer(body []byte) error {
	w, err := wire.ParseWriter(body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	switch {
	case s.writes && w.You && !s.started: // it goes on over another connection
		s.forget(s.arrived)
		s.inSent = s.inFrom
	case s.writes && !w.You:
		s.forget(s.inSent)
	case w.You && !s.writes:
		s.inFrom, s.inSent = w.Offset, w.Offset
	}
	changed := s.writes != w.You || !s.told
	s.wrote = s.wrote || w.You
	if !s.told {
		s.claimed = time.Now()
	}
	s.writes, s.started, s.told = w.You, true, true
	if !w.You && (s.o.Claim || s.o.Take) {
		m := wire.Message{Type: wire.Claim}
		if s.o.Take {
			m.Number, s.o.Take = 1, false
		}
		s.send(&m)
	}
	if s.size != [2]uint16{} && w.You {
		s.send(&wire.Message{Type: wire.Resize, Rows: s.size[0], Cols: s.size[1]})
	}
	s.sendInput()
	s.wake()
	s.mu.Unlock()
	if s.o.Writer != nil && changed {
		s.o.Writer(w)
	}
	return nil
}
