package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/forward"
	"github.com/daytwo/daytwo/api/v1"
)

// forwarder forwards ports here to those of a container.
type forwarder struct {
	relay     *client.Client
	request   v1.SessionRequest
	listeners []forwardListener
	wait      time.Duration // for another container after one has ended
	out, errs io.Writer

	mu     sync.Mutex
	client *forward.Client // nil while there is no session
	said   string
	saidAt time.Time
	work   sync.WaitGroup
}

// run forwards until ctx ends, or the session.
func (f *forwarder) run(ctx context.Context) error {
	s, err := f.open(ctx)
	if err != nil {
		return err
	}
	for _, l := range f.listeners {
		fmt.Fprintf(f.out, "Forwarding from %s -> %d\n", l.Addr(), l.remote)
		f.work.Go(func() { f.accept(ctx, l) })
	}
	defer func() { closeForwarded(f.listeners); f.work.Wait() }()
	for {
		f.use(s.client)
		select {
		case <-s.ended:
		case <-ctx.Done():
			f.use(nil)
			s.end()
			return nil // as was wished
		}
		f.use(nil)
		s.end()
		if !s.containerEnded() || f.wait <= 0 {
			return f.over(s)
		}
		fmt.Fprintf(f.errs, "daytwo: the container ended, and all connections to it: waiting %v for another one\n", f.wait)
		if s, err = f.again(ctx); err != nil {
			return err
		}
		if s == nil {
			return nil
		}
		fmt.Fprintf(f.errs, "daytwo: forwarding again, to the container that is there now\n")
	}
}

// over returns the error for a session that has ended, which it should not have.
func (f *forwarder) over(s *forwardSession) error {
	if err := s.run.end(s.exit, s.err); err != nil {
		return err
	}
	return taskEnd{status: exitFailure, err: errors.New("the session ended")}
}

// open opens a session.
func (f *forwarder) open(ctx context.Context) (*forwardSession, error) {
	r := &sessionRun{relay: f.relay, request: f.request, errs: f.errs}
	r.request.Session = session.NewID()
	return openForward(ctx, r)
}

// again opens a session with another container, as soon as there is one. It returns nil when ctx
// has ended.
func (f *forwarder) again(ctx context.Context) (*forwardSession, error) {
	for end := time.Now().Add(f.wait); ; {
		s, err := f.open(ctx)
		switch {
		case err == nil:
			return s, nil
		case ctx.Err() != nil:
			return nil, nil
		case !mayComeBack(err), time.Now().After(end):
			return nil, err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// mayComeBack reports whether an error may be due to a container that starts.
func mayComeBack(err error) bool {
	var end taskEnd
	if errors.As(err, &end) {
		if end.status == session.CodeNotStarted {
			return true
		}
		err = end.err
	}
	var e *client.Error
	return errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status >= http.StatusInternalServerError)
}

func (f *forwarder) use(c *forward.Client) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.client = c
}

// accept forwards the connections of a listener, so many at once.
func (f *forwarder) accept(ctx context.Context, l forwardListener) {
	slots := make(chan struct{}, forward.MaxConns)
	for {
		conn, err := l.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // as there are no descriptors
			f.say("a connection: %v", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		slots <- struct{}{}
		f.work.Go(func() {
			defer func() { <-slots }()
			f.connect(ctx, forward.TCP{TCPConn: conn}, l.remote)
		})
	}
}

// connect forwards a connection to its end.
func (f *forwarder) connect(ctx context.Context, conn forward.TCP, port uint16) {
	f.mu.Lock()
	c := f.client
	f.mu.Unlock()
	if c == nil {
		conn.Abort()
		return
	}
	var refused *forward.RefusedError
	if err := c.Forward(ctx, conn, port); errors.As(err, &refused) {
		f.say("%v", err)
	}
}

// say prints a message, and the same one not again within a second.
func (f *forwarder) say(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if text == f.said && time.Since(f.saidAt) < time.Second {
		return
	}
	f.said, f.saidAt = text, time.Now()
	fmt.Fprintf(f.errs, "daytwo: %s\n", text)
}

// stdio connects standard input and output with a port.
func (f *forwarder) stdio(ctx context.Context, in, out *os.File, port uint16) error {
	s, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	local := &stdio{in: in, out: out, aborted: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- s.client.Forward(ctx, local, port) }()
	select {
	case err = <-done:
	case <-local.aborted: // what reads standard input cannot be woken
		select {
		case err = <-done:
		case <-time.After(100 * time.Millisecond):
			err = errors.New("the connection was reset")
		}
	}
	select {
	case <-s.ended:
		return f.over(s)
	default:
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// stdio is standard input and output as a connection.
type stdio struct {
	in, out *os.File
	aborted chan struct{}
	once    sync.Once
}

func (s *stdio) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s *stdio) Write(p []byte) (int, error) { return s.out.Write(p) }
func (s *stdio) CloseWrite() error           { return s.out.Close() }
func (s *stdio) Abort()                      { s.once.Do(func() { close(s.aborted) }) }
func (s *stdio) Close() error                { return nil }
