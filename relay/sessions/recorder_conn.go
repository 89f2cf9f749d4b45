package sessions

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
)

// awayFor is how long a recorder tries to reach its node. The session has ended by then, as
// nobody recorded it.
const awayFor = 5 * time.Minute

// lastWords is how long a node may take to end a connection that is over.
const lastWords = time.Second

// follow keeps the recorder's own connection, until the recording is over. conn is the first
// one, nil if it has to be opened.
func (r *recorder) follow(conn sessionclient.Conn) {
	heard := time.Now()
	wait := 50 * time.Millisecond
	for {
		if conn != nil {
			if r.read(conn) {
				heard, wait = time.Now(), 50*time.Millisecond
			}
			conn.Close()
			conn = nil
		}
		r.mu.Lock()
		over := (r.exit != nil || r.lost != nil) && !r.unsaid
		r.mu.Unlock()
		if over || r.stopped() {
			return
		}
		if time.Since(heard) > awayFor {
			r.giveUp(errAway)
			return
		}
		time.Sleep(wait)
		wait = min(2*wait, 2*time.Second)
		var err error
		if conn, err = r.dial(); rpc.CodeOf(err) == rpc.NotFound {
			r.giveUp(errors.New("the node has no such session any more"))
			return
		}
	}
}

// stopped reports whether this relay ends.
func (r *recorder) stopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

func (r *recorder) giveUp(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost == nil {
		r.lost = why
	}
	r.signal()
}

// dial opens the connection.
func (r *recorder) dial() (sessionclient.Conn, error) {
	r.mu.Lock()
	next := r.next
	for s := range next {
		r.limit[s] = next[s] + ownWindow
	}
	r.mu.Unlock()
	return r.b.dialRecorder(r.id, r.agent, &next)
}

// read takes what comes over the connection until it ends, and reports whether anything came.
func (r *recorder) read(conn sessionclient.Conn) (heard bool) {
	r.mu.Lock()
	r.conn, r.fresh = conn, true
	if r.unsaid {
		r.unsaid = !r.say(wire.Detach)
	}
	r.signal() // much may have been written before
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.conn = nil
		r.mu.Unlock()
	}()
	done := make(chan struct{})
	defer close(done)
	go func() { // the writer says the last word
		select {
		case <-r.over:
			last := time.AfterFunc(lastWords, func() { conn.Close() })
			if r.stopped() {
				conn.Close() // the session goes on
			}
			<-done
			last.Stop()
		case <-done:
		}
	}()
	in := wire.NewReader(conn, 64<<10)
	for {
		m, err := in.Next()
		if err != nil {
			return heard
		}
		heard = true
		if !r.take(&m) {
			return heard
		}
	}
}

// take takes a message. It returns false for one that makes no sense.
func (r *recorder) take(m *wire.Message) bool {
	switch m.Type {
	case wire.Data:
		if m.Stream != wire.Stdin {
			r.output(m, true)
			return true
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.queue.add(queued{kind: recording.Input}, m.Data)
		r.signal()
	case wire.Started: // the size may have changed while there was no connection
		start, err := wire.ParseStarted(m.Data)
		if err != nil {
			return false
		}
		r.resize(start.Rows, start.Cols)
	case wire.Resize:
		r.resize(m.Rows, m.Cols)
	case wire.Gap: // of what nobody has any more
		r.mu.Lock()
		defer r.mu.Unlock()
		r.next[m.Stream] = max(r.next[m.Stream], m.To)
		r.signal()
	case wire.Exit:
		exit, err := wire.ParseExit(m.Data)
		if err != nil {
			return false
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.exit = &exit
		r.signal()
	}
	return true
}

// resize takes the size of the terminal, if it is another one than before.
func (r *recorder) resize(rows, cols uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rows == r.rows && cols == r.cols || rows == 0 || cols == 0 { // DC/OS' client says 0 before it knows
		return
	}
	r.rows, r.cols = rows, cols
	r.queue.add(queued{kind: recording.Resize, rows: rows, cols: cols}, nil)
	r.signal()
}

// begin takes the first message of a connection that begins in the middle of a session.
func begin(conn sessionclient.Conn) (*wire.Start, sessionclient.Conn, error) {
	in := wire.NewReader(conn, 64<<10)
	m, err := in.Next()
	if err != nil {
		return nil, nil, err
	}
	if m.Type != wire.Started {
		return nil, nil, wire.ErrMalformed
	}
	start, err := wire.ParseStarted(m.Data)
	return &start, &readConn{conn, in}, err
}

// readConn is a connection of which messages were read already.
type readConn struct {
	sessionclient.Conn
	in *wire.Reader
}

// Read implements io.Reader: it returns one message.
func (c *readConn) Read(p []byte) (int, error) {
	m, err := c.in.Next()
	if err != nil {
		return 0, err
	}
	b := wire.Append(p[:0], &m)
	if len(b) > len(p) {
		return 0, io.ErrShortBuffer
	}
	return len(b), nil
}

// dialRecorder connects to a session as its recorder.
func (b *Broker) dialRecorder(id, agent string, next *[wire.Streams]uint64) (sessionclient.Conn, error) {
	g := b.ownGrant(agent)
	g.Session, g.Rights = id, []session.Right{session.Record}
	q := &sessionrpc.Request{Client: "recorder"}
	q.Stdout = sessionrpc.Position{Offset: next[wire.Stdout], Window: ownWindow}
	q.Stderr = sessionrpc.Position{Offset: next[wire.Stderr], Window: ownWindow}
	var err error
	if q.Grant, err = b.o.Signer.Sign(g, grantLife); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), openTimeout, errNoAnswer)
	defer cancel()
	return sessionrpc.Attach(ctx, b.o.Nodes, agent, q)
}
