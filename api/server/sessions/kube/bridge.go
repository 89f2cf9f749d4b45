package kube

import (
	"errors"
	"sync"

	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/wire"
)

// Channels: the first byte of each message.
const (
	channelStdin  = 0
	channelStdout = 1
	channelStderr = 2
	channelStatus = 3
	channelResize = 4
	channelClose  = 255 // the next byte is the channel that has ended; only in the fifth version
)

var (
	errEnded  = errors.New("the session has ended")
	errStream = errors.New("the node repeats or leaves out output")
)

// bridge is a session between a client and a node. It keeps one message of each direction.
type bridge struct {
	wants [wire.Streams]bool
	half  bool                 // the client can say that input has ended
	write func(p []byte) error // sends the client a message; it may block, which stops the program
	sized chan struct{}        // closed when the client has first said how large its terminal is

	// These belong to who reads from the client.
	in [wire.MaxData]byte

	// These belong to who reads from the node.
	out  []byte // the message that is written
	outs [wire.Streams]struct{ taken, told uint64 }
	lost uint64 // bytes of output that the node has kept no more

	mu       sync.Mutex
	changed  sync.Cond
	conn     broker.Conn // nil until the session is open
	ended    bool
	started  bool // the node has said who writes
	writes   bool
	sent     uint64 // offset of the next byte of input
	room     uint64 // offset up to which the node has room for input
	inEnd    bool
	endSent  bool
	size     [2]uint16 // rows and columns, as the client said last
	sizeSent [2]uint16
	message  []byte // to the node
}

func newBridge(wants [wire.Streams]bool, half bool, write func([]byte) error) *bridge {
	b := &bridge{wants: wants, half: half, write: write, sized: make(chan struct{})}
	b.changed.L = &b.mu
	return b
}

// open gives the bridge its connection to the node. A bridge that has ended closes it.
func (b *bridge) open(conn broker.Conn, rows, cols uint16) {
	b.mu.Lock()
	b.conn, b.sizeSent = conn, [2]uint16{rows, cols}
	ended := b.ended
	b.mu.Unlock()
	if ended {
		conn.Close()
	}
}

// end makes those who wait give up.
func (b *bridge) end() {
	b.mu.Lock()
	b.ended = true
	conn := b.conn
	b.changed.Broadcast()
	b.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}

// send sends the node a message. The caller holds the lock, which keeps messages in order.
func (b *bridge) send(m *wire.Message) error {
	b.message = wire.Append(b.message[:0], m)
	return b.conn.Send(b.message)
}
