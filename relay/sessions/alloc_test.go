//go:build !race

package sessions

import (
	"testing"

	"github.com/daytwo/daytwo/api/session/wire"
)

// endless is a connection to a node that prints without an end, and takes everything.
type endless struct {
	output []byte
	at     int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c := copy(p[n:], e.output[e.at:])
		n, e.at = n+c, (e.at+c)%len(e.output)
	}
	return n, nil
}

func (e *endless) Write(p []byte) (int, error) { return len(p), nil }
func (e *endless) Close() error                { return nil }

// What passes a relay in either direction costs no allocation, and no buffer is longer than
// clients take.
func TestPassAlloc(t *testing.T) {
	c := &conn{b: New(Options{}), stream: &endless{output: wire.Append(nil,
		&wire.Message{Type: wire.Data, Stream: wire.Stdout, Offset: 1 << 40, Data: make([]byte, wire.MaxData)})}}
	input := wire.Append(nil, &wire.Message{Type: wire.Data, Data: []byte("x")})
	longest := 0
	pass := func() {
		p, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, len(p))
		if err := c.Send(input); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 { // the buffer grows
		pass()
	}
	if n := testing.AllocsPerRun(1000, pass); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if longest > 4*wire.MaxMessage || longest < mostBuffer/2 {
		t.Errorf("messages of up to %d bytes were passed on at once", longest)
	}
}
