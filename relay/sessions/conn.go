package sessions

import (
	"context"
	"fmt"
	"sync"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/node"
	"github.com/daytwo/daytwo/api/session/wire"
)

// connect signs the grant and opens the stream of messages. allowed says later whether the
// policy still allows it.
func (b *Broker) connect(ctx context.Context, verb string, g *grant.Grant, q *node.Request, rec audit.Record,
	allowed func() bool) (*broker.Opened, error) {
	var err error
	if q.Grant, err = b.o.Signer.Sign(*g, grantLife); err != nil {
		b.done(&rec, err)
		return nil, err
	}
	s, err := b.o.Nodes.Open(ctx, g.Agent, verb, q.Marshal())
	if err != nil {
		b.done(&rec, err)
		return nil, err
	}
	c := &conn{b: b, stream: s, rec: rec, allowed: allowed}
	answering, cancel := context.WithTimeoutCause(ctx, openTimeout, errNoAnswer)
	defer cancel()
	if c.first, err = c.receive(answering); err != nil { // the node's answer: what has started, or why not
		s.Close()
		b.done(&rec, err)
		return nil, err
	}
	b.done(&rec, nil)
	b.opened.Add(1)
	b.open.Add(1)
	return &broker.Opened{Session: g.Session, Agent: g.Agent, Conn: c}, nil
}

// conn is a connection between a client and a node.
type conn struct {
	b      *Broker
	stream *rpc.Stream
	first  []byte // what came before somebody asked
	kept   []byte // the beginning of a message
	out    []byte // what Next returned last
	rec    audit.Record
	close  sync.Once

	allowed func() bool

	mu   sync.Mutex
	in   uint64 // bytes of input
	outs uint64 // bytes of output
	exit *session.Exit
}

// Next implements broker.Conn.
func (c *conn) Next(ctx context.Context) ([]byte, error) {
	if p := c.first; p != nil {
		c.first = nil
		return p, nil
	}
	return c.receive(ctx)
}

// receive returns the next whole messages from the node, and takes note of what they say.
func (c *conn) receive(ctx context.Context) ([]byte, error) {
	for {
		p, err := c.stream.Recv(ctx)
		if err != nil {
			return nil, err
		}
		if len(c.kept) > 0 {
			c.kept = append(c.kept, p...)
			p = c.kept
		}
		whole := 0
		for {
			m, n, err := wire.Parse(p[whole:])
			if err != nil {
				return nil, rpc.Errorf(rpc.Internal, "the node: %v", err)
			}
			if n == 0 {
				break
			}
			whole += n
			c.note(&m)
		}
		if whole == 0 {
			c.kept = append(c.kept[:0], p...)
			continue
		}
		c.b.bytes[1].Add(uint64(whole))
		c.out = append(c.out[:0], p[:whole]...)
		c.kept = append(c.kept[:0], p[whole:]...)
		return c.out, nil
	}
}

// note keeps what the audit log will say.
func (c *conn) note(m *wire.Message) {
	switch m.Type {
	case wire.Data:
		c.mu.Lock()
		c.outs += uint64(len(m.Data))
		c.mu.Unlock()
	case wire.Exit:
		if e, err := wire.ParseExit(m.Data); err == nil {
			c.mu.Lock()
			c.exit = &e
			c.mu.Unlock()
		}
	}
}

// Send implements broker.Conn. A message that only collectors send is an error.
func (c *conn) Send(ctx context.Context, messages []byte) error {
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
	return c.stream.Send(ctx, messages)
}

// Allowed implements broker.Conn.
func (c *conn) Allowed() bool { return c.allowed() }

// Close implements broker.Conn. How the session went is in the audit log then.
func (c *conn) Close() {
	c.close.Do(func() {
		c.stream.Close()
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
