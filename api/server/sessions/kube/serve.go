package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/wire"
)

const (
	// sizeTime is how long a program on a terminal waits for the terminal's size, which clients
	// send after they have connected.
	sizeTime  = 250 * time.Millisecond
	pingEvery = 15 * time.Second
	// stallTime is how long a client may read nothing, or answer no ping.
	stallTime = 10 * time.Minute
)

// Options say where sessions come from.
type Options struct {
	// Open opens a session. An error that is no *web.Error is the relay's own.
	Open func(context.Context, *broker.Request) (*broker.Opened, error)
	// Watch calls end, with the reason, when the client may not go on, until stop is called.
	Watch func(ctx context.Context, conn broker.Conn, end func(reason string)) (stop func())

	pingEvery time.Duration // default pingEvery
}

// Serve serves a session over a WebSocket. What fails is in the status that the client gets:
// an answer to the request itself would have clients try an older protocol.
func Serve(w http.ResponseWriter, r *http.Request, o *Options) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{v5, v4},
		InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled}) // the gate has checked the origin
	if err != nil {
		return // it has answered
	}
	ws.SetReadLimit(-1) // messages are never held as a whole
	ctx, cancel := context.WithCancel(r.Context())
	c := &client{ws: ws, ctx: ctx}
	defer c.work.Wait()
	defer cancel()
	defer ws.CloseNow()
	s := c.serve(r, o)
	if s == nil {
		return
	}
	b, err := json.Marshal(s)
	if err == nil && c.write(append([]byte{channelStatus}, b...)) == nil {
		ws.Close(websocket.StatusNormalClosure, "")
	}
}

// client is a client's connection.
type client struct {
	ws      *websocket.Conn
	ctx     context.Context // of the request
	work    sync.WaitGroup
	writing atomic.Int64 // since when a message is written, Unix nanoseconds; 0 = none is
	reading atomic.Bool  // a message is waited for, or read; not so while input waits for room
}

// serve serves the session to its end, and returns its status. It returns nil if the client has
// gone.
func (c *client) serve(r *http.Request, o *Options) *status {
	asked, err := parse(r.URL.Query())
	if err != nil {
		return ofError(web.BadRequest("%v", err))
	}
	b := newBridge(asked.wants, c.ws.Subprotocol() == v5, c.write)
	gone := make(chan struct{})
	c.work.Go(func() {
		c.read(b)
		close(gone)
		b.end()
	})
	defer b.end()
	if asked.Command.TTY {
		asked.Rows, asked.Cols = b.firstSize(gone)
	}
	opened, err := o.Open(c.ctx, &asked.Request)
	if err != nil {
		return ofError(err)
	}
	b.open(opened.Conn, asked.Rows, asked.Cols)
	defer opened.Conn.Close()
	// Who reads from the client may wait for room in the node, and see nothing of these ends.
	defer o.Watch(c.ctx, opened.Conn, func(reason string) {
		c.ws.Close(websocket.StatusPolicyViolation, reason)
		b.end()
	})()
	beating, stop := context.WithCancel(c.ctx)
	defer stop()
	c.work.Go(func() {
		if c.heartbeat(beating, cmp.Or(o.pingEvery, pingEvery)) {
			_ = c.ws.CloseNow()
			b.end()
		}
	})
	if err := c.write([]byte{asked.lowest()}); err != nil {
		return nil
	}
	exit, err := b.pass()
	select {
	case <-gone:
		return nil
	default:
	}
	if err != nil {
		return failure(internal, "the connection to the node was lost: "+err.Error(), session.CodeLost)
	}
	b.farewell()
	return ofExit(exit, b.lost)
}

// lowest returns the channel on which an empty message tells the client that it is connected, as
// Kubernetes does.
func (e *exec) lowest() byte {
	switch {
	case e.wants[wire.Stdout]:
		return channelStdout
	case e.wants[wire.Stderr]:
		return channelStderr
	}
	return channelStatus
}

// firstSize waits a little for the size of the client's terminal. It returns 0 and 0 if it does
// not come.
func (b *bridge) firstSize(gone <-chan struct{}) (rows, cols uint16) {
	late := time.NewTimer(sizeTime)
	defer late.Stop()
	select {
	case <-b.sized:
	case <-late.C:
	case <-gone:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size[0], b.size[1]
}

// read takes in what the client sends, until it closes the connection or the session ends.
func (c *client) read(b *bridge) {
	for {
		c.reading.Store(true)
		_, r, err := c.ws.Reader(c.ctx)
		if err != nil {
			return
		}
		c.reading.Store(false)
		if b.receive(r) != nil {
			return
		}
	}
}

// write sends the client a message.
func (c *client) write(p []byte) error {
	c.writing.Store(time.Now().UnixNano())
	defer c.writing.Store(0)
	return c.ws.Write(c.ctx, websocket.MessageBinary, p)
}

// heartbeat keeps an idle connection alive on its way, until ctx ends, or the client has gone or
// stalls, of which it reports whether it is so.
func (c *client) heartbeat(ctx context.Context, every time.Duration) (lost bool) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		since := c.writing.Load()
		if since == 0 && !c.ping(ctx, every) || since != 0 && time.Since(time.Unix(0, since)) > stallTime {
			return ctx.Err() == nil
		}
	}
}

// ping sends a ping, and reports whether the client may still be there. Where its input has no
// room yet, it is not read from, and so are not its answers: only that a ping can be sent counts then.
func (c *client) ping(ctx context.Context, every time.Duration) bool {
	wait, reading := every, c.reading.Load()
	if reading {
		wait = stallTime
	}
	ctx, done := context.WithTimeout(ctx, wait)
	defer done()
	err := c.ws.Ping(ctx)
	switch {
	case err == nil:
		return true
	case ctx.Err() != nil:
		return !reading || !c.reading.Load()
	}
	return c.writing.Load() != 0 // it waited for a message that the client does not read
}
