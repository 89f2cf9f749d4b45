package kube

import (
	"io"
	"sync"
	"testing"

	"github.com/daytwo/daytwo/api/session/wire"
)

// node is the other end of a bridge. It checks that what it gets are a client's messages, and that
// no input is repeated, left out, or more than there is room for.
type node struct {
	t      testing.TB
	out    chan []byte // messages to the bridge
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	in     []byte // input
	room   uint64
	ended  bool
	done   bool
	sizes  [][2]uint16
	credit [wire.Streams]uint64
}

func newNode(t testing.TB) *node {
	return &node{t: t, out: make(chan []byte, 64), closed: make(chan struct{})}
}

// start begins a session with room for some bytes of input.
func (n *node) start(room uint64) {
	n.mu.Lock()
	n.room = room
	n.mu.Unlock()
	p := wire.AppendStarted(nil, &wire.Start{Session: "s", Window: room})
	n.out <- wire.AppendWriter(p, &wire.Write{You: true})
}

func (n *node) Next() ([]byte, error) {
	select {
	case p, ok := <-n.out:
		if ok {
			return p, nil
		}
	case <-n.closed:
	}
	return nil, io.EOF
}

func (n *node) Send(p []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, size, err := wire.Parse(p)
	if err != nil || size != len(p) || m.Type >= wire.Attach {
		n.t.Errorf("no message of a client: %x, %v", p, err)
		return io.ErrUnexpectedEOF
	}
	switch m.Type {
	case wire.Data:
		if m.Stream != wire.Stdin || m.Offset != uint64(len(n.in)) || n.ended ||
			m.Offset+uint64(len(m.Data)) > n.room || len(m.Data) == 0 {
			n.t.Errorf("%d bytes from %d on, with %d there, room for %d, ended %v", len(m.Data), m.Offset, len(n.in),
				n.room, n.ended)
		}
		n.in = append(n.in, m.Data...)
	case wire.End:
		if m.Offset != uint64(len(n.in)) || n.ended {
			n.t.Errorf("the end at %d, with %d there", m.Offset, len(n.in))
		}
		n.ended = true
	case wire.Resize:
		n.sizes = append(n.sizes, [2]uint16{m.Rows, m.Cols})
	case wire.Credit:
		n.credit[m.Stream] = m.Offset + m.Window
	case wire.Done:
		n.done = true
		close(n.out)
	}
	return nil
}

func (n *node) Allowed() bool { return true }

func (n *node) Close() { n.once.Do(func() { close(n.closed) }) }

// got returns the input, and whether it has ended.
func (n *node) got() (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return string(n.in), n.ended
}
