package forward

import (
	"io"
	"math"
	"net"
	"time"

	"github.com/libp2p/go-yamux/v5"
)

// Limits of a session.
const (
	// MaxConns is how many connections there are at once. A client waits with further ones.
	MaxConns = 512
	// ended is how many streams the other side may have seen end that this one still has.
	ended = 256
	// window is how many bytes of a stream are on their way to somebody who does not read. It is
	// the least that the protocol has; what is below it, the session, has no more either.
	window = 256 << 10
	// maxFrame keeps a stream with much to send from holding up the others.
	maxFrame = 16 << 10
)

// config returns the settings of one side. It watches over no connection: a session that is
// interrupted for minutes goes on.
func config(incoming uint32) *yamux.Config {
	c := yamux.DefaultConfig()
	c.AcceptBacklog = MaxConns
	c.MaxIncomingStreams = incoming
	c.InitialStreamWindowSize, c.MaxStreamWindowSize = window, window
	c.MaxMessageSize = maxFrame
	c.ReadBufSize = 32 << 10
	c.EnableKeepAlive = false
	c.MeasureRTTInterval = math.MaxInt64 // windows do not grow, so that nobody needs to know
	c.ConnectionWriteTimeout = 24 * time.Hour
	c.LogOutput = io.Discard // what the other side does wrong shows as an error
	return c
}

// pipe is a stream of bytes as a net.Conn. It has no deadlines.
type pipe struct{ io.ReadWriteCloser }

func (pipe) LocalAddr() net.Addr              { return address{} }
func (pipe) RemoteAddr() net.Addr             { return address{} }
func (pipe) SetDeadline(time.Time) error      { return nil }
func (pipe) SetReadDeadline(time.Time) error  { return nil }
func (pipe) SetWriteDeadline(time.Time) error { return nil }

type address struct{}

func (address) Network() string { return "session" }
func (address) String() string  { return "session" }
