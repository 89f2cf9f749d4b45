package sessions

import (
	"github.com/daytwo/daytwo/api/session/broker"
)

// conn is a broker's connection as package client reads it.
type conn struct {
	broker.Conn
	rest []byte
}

// Read implements io.Reader.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		b, err := c.Next()
		if err != nil {
			return 0, err
		}
		c.rest = b
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write implements io.Writer. Each call has whole messages.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.Send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close implements io.Closer.
func (c *conn) Close() error {
	c.Conn.Close()
	return nil
}
