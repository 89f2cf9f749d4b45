package sessionrpc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session/client"
)

// Open starts a session on a node, and returns a connection to it. The grant is used up by that:
// a connection that is lost is followed by an Attach.
func Open(ctx context.Context, c *rpc.Client, agent string, r *Request) (client.Conn, error) {
	return connect(ctx, c, agent, VerbOpen, r)
}

// Attach returns a connection to a session of a node.
func Attach(ctx context.Context, c *rpc.Client, agent string, r *Request) (client.Conn, error) {
	return connect(ctx, c, agent, VerbAttach, r)
}

func connect(ctx context.Context, c *rpc.Client, agent, verb string, r *Request) (client.Conn, error) {
	b, err := r.encode()
	if err != nil {
		return nil, err
	}
	// The stream ends by Close: its context is not the one of this call.
	s, err := c.Open(context.WithoutCancel(ctx), agent, verb, b)
	if err != nil {
		return nil, err
	}
	s.SetWindow(window)
	first, err := s.Recv(ctx) // the node refuses, or the session's first message comes
	if err != nil {
		s.Close()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return &conn{s: s, rest: first}, nil
}

// window is how many bytes of a session may be on their way to a relay. A client that reads
// slowly stops the program long before by its own credits.
const window = 512 << 10

// List returns the sessions of a node.
func List(ctx context.Context, c *rpc.Client, agent, token string) (all []Info, err error) {
	b, err := (&Request{Grant: token}).encode()
	if err != nil {
		return nil, err
	}
	if b, err = c.Call(ctx, agent, VerbList, b, maxList); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("the node's list of sessions: %w", err)
	}
	return all, nil
}

// Kill ends the session of a grant.
func Kill(ctx context.Context, c *rpc.Client, agent, token string) error {
	b, err := (&Request{Grant: token}).encode()
	if err == nil {
		_, err = c.Call(ctx, agent, VerbKill, b, 0)
	}
	return err
}

// conn is a stream as a connection.
type conn struct {
	s     *rpc.Stream
	rest  []byte
	write sync.Mutex
}

// Read implements io.Reader.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		b, err := c.s.Recv(c.s.Context())
		if err != nil {
			return 0, err
		}
		c.rest = b
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write implements io.Writer.
func (c *conn) Write(p []byte) (int, error) {
	c.write.Lock()
	defer c.write.Unlock()
	if err := c.s.Send(c.s.Context(), p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close implements io.Closer.
func (c *conn) Close() error {
	c.s.Close()
	return nil
}
