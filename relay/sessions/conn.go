package sessions

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
)

// opener is sessionrpc.Open or sessionrpc.Attach.
type opener func(context.Context, *rpc.Client, string, *sessionrpc.Request) (sessionclient.Conn, error)

// connect signs the grant and opens the stream of messages. allowed says later whether the
// policy still allows it.
func (b *Broker) connect(ctx context.Context, open opener, g *grant.Grant, q *sessionrpc.Request, rec audit.Record,
	recorder *recorder, allowed func() bool) (*broker.Opened, error) {
	var err error
	if q.Grant, err = b.o.Signer.Sign(*g, grantLife); err != nil {
		b.done(&rec, err)
		return nil, err
	}
	answering, cancel := context.WithTimeoutCause(ctx, openTimeout, errNoAnswer)
	defer cancel()
	s, err := open(answering, b.o.Nodes, g.Agent, q)
	b.done(&rec, err)
	if err != nil {
		code := rpc.CodeOf(err)
		if (code == rpc.Unavailable || code == rpc.Canceled) && !errors.Is(err, rpc.ErrAway) &&
			!errors.Is(err, rpc.ErrNoServer) {
			err = &broker.UnansweredError{Agent: g.Agent, Err: err}
		}
		return nil, err
	}
	c := &conn{b: b, stream: s, rec: rec, allowed: allowed, closed: make(chan struct{})}
	c.recorder.Store(recorder)
	b.opened.Add(1)
	b.open.Add(1)
	return &broker.Opened{Session: g.Session, Agent: g.Agent, Conn: c}, nil
}

// conn is a connection between a client and a node.
type conn struct {
	b      *Broker
	stream sessionclient.Conn
	buf    []byte // what was received: whole messages, and perhaps the beginning of another one
	given  int    // bytes of buf that Next has returned
	full   bool   // the last read filled buf: there is much to read
	rec    audit.Record
	close  sync.Once

	recorder atomic.Pointer[recorder] // nil if this relay does not record the session
	allowed  func() bool
	closed   chan struct{}

	mu   sync.Mutex
	in   uint64 // bytes of input
	outs uint64 // bytes of output
	exit *session.Exit
}

// Next implements broker.Conn.
func (c *conn) Next() ([]byte, error) {
	c.buf = append(c.buf[:0], c.buf[c.given:]...)
	c.given = 0
	for {
		for {
			m, n, err := wire.Parse(c.buf[c.given:])
			if err != nil {
				return nil, rpc.Errorf(rpc.Internal, "the node: %v", err)
			}
			if n == 0 {
				break
			}
			c.given += n
			c.note(&m)
		}
		if c.given > 0 {
			c.b.bytes[1].Add(uint64(c.given))
			return c.buf[:c.given], nil
		}
		if (c.full || len(c.buf) == cap(c.buf)) && cap(c.buf) < mostBuffer {
			grown := make([]byte, len(c.buf), min(max(4*cap(c.buf), leastBuffer), mostBuffer))
			copy(grown, c.buf)
			c.buf = grown
		}
		n, err := c.stream.Read(c.buf[len(c.buf):cap(c.buf)])
		c.buf = c.buf[:len(c.buf)+n]
		c.full = len(c.buf) == cap(c.buf)
		if err != nil {
			return nil, err
		}
	}
}

// Bytes of a connection's buffer. Most connections have keys to pass on; a message is never
// longer than mostBuffer, and clients take no longer binary message than 4*wire.MaxMessage.
const (
	leastBuffer = 4 << 10
	mostBuffer  = 128 << 10
)

// note keeps what the audit log will say.
func (c *conn) note(m *wire.Message) {
	switch m.Type {
	case wire.Data:
		c.mu.Lock()
		c.outs += uint64(len(m.Data))
		c.mu.Unlock()
		if r := c.recorder.Load(); r != nil {
			r.output(m, false)
		}
	case wire.Exit:
		if e, err := wire.ParseExit(m.Data); err == nil {
			c.mu.Lock()
			c.exit = &e
			c.mu.Unlock()
		}
	}
}

// Send implements broker.Conn. A message that only collectors send is an error.
func (c *conn) Send(messages []byte) error {
	for rest := messages; len(rest) > 0; {
		m, n, err := wire.Parse(rest)
		switch {
		case err != nil:
			return &badRequest{err}
		case n == 0:
			return &badRequest{errPartial}
		case m.Type >= wire.Attach:
			return &badRequest{fmt.Errorf("a message of type %d is not a client's", m.Type)}
		case m.Type == wire.Data:
			c.mu.Lock()
			c.in += uint64(len(m.Data))
			c.mu.Unlock()
		}
		rest = rest[n:]
	}
	c.b.bytes[0].Add(uint64(len(messages)))
	_, err := c.stream.Write(messages)
	return err
}

// Allowed implements broker.Conn.
func (c *conn) Allowed() bool { return c.allowed() }

// Close implements broker.Conn. How the session went is in the audit log then.
func (c *conn) Close() {
	c.close.Do(func() {
		close(c.closed)
		_ = c.stream.Close() // it was used to its end
		c.b.open.Add(-1)
		c.mu.Lock()
		defer c.mu.Unlock()
		rec := c.rec
		rec.Decision = ""
		rec.What = fmt.Sprintf("a connection to a session ended: %d bytes in, %d bytes out", c.in, c.outs)
		if c.exit != nil {
			rec.What += "; " + c.exit.String()
		}
		c.b.o.Audit(rec)
	})
}
