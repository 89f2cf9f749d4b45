package forward

import (
	"context"
	"errors"
	"io"

	"github.com/libp2p/go-yamux/v5"
)

// Client is the side of those who connect. It is safe for concurrent use.
type Client struct {
	mux   *yamux.Session
	slots chan struct{}
}

// NewClient makes a client over a session. Closing the client closes it.
func NewClient(session io.ReadWriteCloser) (*Client, error) {
	mux, err := yamux.Client(pipe{session}, config(0), nil) // the other side opens none
	if err != nil {
		return nil, err
	}
	return &Client{mux: mux, slots: make(chan struct{}, MaxConns)}, nil
}

// Forward connects a local connection with a port, until both have ended. It closes the local
// connection, and returns nil if neither direction was aborted. That there is no connection to the
// port is a *RefusedError.
func (c *Client) Forward(ctx context.Context, local Local, port uint16) error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		local.Abort()
		return context.Cause(ctx)
	case <-c.mux.CloseChan():
	}
	s, err := c.mux.OpenStream(ctx)
	if err != nil {
		local.Abort()
		return err
	}
	if err := writePort(s, port); err != nil {
		_ = s.Reset()
		local.Abort()
		return err
	}
	return join(local, s, func() error { return readAnswer(s, port) })
}

// Streams returns how many connections there are.
func (c *Client) Streams() int { return c.mux.NumStreams() }

// Done is closed when the session has ended.
func (c *Client) Done() <-chan struct{} { return c.mux.CloseChan() }

// Shutdown waits until all that was sent over connections which have ended has arrived, at most
// until ctx ends, and closes the session.
func (c *Client) Shutdown(ctx context.Context) error {
	_ = c.Ready(ctx) // frames are read in their order, so that all before were
	return c.Close()
}

// Ready waits until the other side answers.
func (c *Client) Ready(ctx context.Context) error {
	s, err := c.mux.OpenStream(ctx)
	if err != nil {
		return err
	}
	defer s.Reset()
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer stop()
	if err := writePort(s, noPort); err != nil {
		return err
	}
	err = readAnswer(s, noPort)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var e *RefusedError
	if errors.As(err, &e) { // nobody listens on that port
		return nil
	}
	return err
}

// Close aborts all connections, and closes the session.
func (c *Client) Close() error { return c.mux.Close() }
