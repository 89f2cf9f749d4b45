package sessions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/server/sessions/kube"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/v1"
)

const (
	maxRequest  = 2 * session.MaxArgs // bytes of a request: arguments as JSON are longer
	maxMessage  = 2 * wire.MaxMessage // bytes of a client's binary message
	requestTime = 10 * time.Second    // in which a client has to send its request
	writeTime   = time.Minute         // in which a client has to take a message
	checkEvery  = 5 * time.Second     // after which it is asked again whether the client may go on
)

// clientSilence is after how long without a message a client is taken for dead: two of the
// intervals at which clients send pings, and a little. Its session is free for another one then.
const clientSilence = 35 * time.Second

const accessEnded = "access has ended: the proof of who you are expired, or the policy changed"

// connect serves a session over a WebSocket.
func (a *API) connect(w http.ResponseWriter, r *http.Request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	// That a page of another server may not connect with a browser's cookie, the gate has
	// checked before; whoever sends a token in a header is no page.
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{v1.SessionProtocol},
		InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return nil // it has answered
	}
	defer ws.CloseNow()
	if ws.Subprotocol() != v1.SessionProtocol {
		return ws.Close(websocket.StatusPolicyViolation, "the subprotocol has to be "+v1.SessionProtocol)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	opened, err := a.begin(ctx, ws, r)
	if err != nil {
		tell(ctx, ws, err)
		return nil
	}
	defer opened.Conn.Close()
	first, err := json.Marshal(v1.SessionAnswer{Session: opened.Session, Agent: opened.Agent})
	if err != nil {
		return nil
	}
	if err := write(ctx, ws, websocket.MessageText, first); err != nil {
		return nil
	}
	stop := a.watch(ctx, r, opened.Conn, func(reason string) { ws.Close(websocket.StatusPolicyViolation, reason) })
	defer stop()
	pass(ctx, cancel, ws, opened.Conn, cmp.Or(a.silence, clientSilence))
	return nil
}

// connectKube serves a session to a client of Kubernetes.
func (a *API) connectKube(w http.ResponseWriter, r *http.Request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	kube.Serve(w, r, &kube.Options{
		Open: func(ctx context.Context, q *broker.Request) (*broker.Opened, error) {
			opened, err := a.Sessions.Open(ctx, a.asker(r), q)
			if err != nil {
				return nil, answer(err)
			}
			return opened, nil
		},
		Watch: func(ctx context.Context, conn broker.Conn, end func(string)) func() {
			return a.watch(ctx, r, conn, end)
		},
	})
	return nil
}

// watch ends a connection once its client has no valid proof any more, or the policy does not
// allow it any more. The session itself goes on, for whoever may attach to it.
func (a *API) watch(ctx context.Context, r *http.Request, conn broker.Conn, end func(reason string)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(checkEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if a.Proof(r) != nil || !conn.Allowed() {
				end(accessEnded)
				return
			}
		}
	})
	return func() { cancel(); work.Wait() }
}

// begin reads the request and opens what it asks for.
func (a *API) begin(ctx context.Context, ws *websocket.Conn, r *http.Request) (*broker.Opened, error) {
	ws.SetReadLimit(maxRequest)
	reading, done := context.WithTimeout(ctx, requestTime)
	defer done()
	kind, b, err := ws.Read(reading)
	if err != nil {
		return nil, err
	}
	var q v1.SessionRequest
	if err := json.Unmarshal(b, &q); err != nil || kind != websocket.MessageText {
		return nil, web.BadRequest("the first message has to be a request as JSON text: %v", err)
	}
	ws.SetReadLimit(maxMessage)
	s := broker.Stream{Client: q.Client, Write: q.Write}
	s.Out[wire.Stdout].Offset, s.Out[wire.Stdout].Window = q.Stdout.Offset, q.Stdout.Window
	s.Out[wire.Stderr].Offset, s.Out[wire.Stderr].Window = q.Stderr.Offset, q.Stderr.Window
	var opened *broker.Opened
	switch {
	case q.Watch && q.Command == nil:
		opened, err = a.Sessions.Watch(ctx, a.asker(r), q.Agent, q.Session, &s)
	case q.Command == nil:
		opened, err = a.Sessions.Attach(ctx, a.asker(r), q.Agent, q.Session, &s)
	default:
		opened, err = a.Sessions.Open(ctx, a.asker(r), &broker.Request{Session: q.Session, Container: q.Container,
			Agent: q.Agent, Node: q.Node, Command: *q.Command, Limits: q.Limits,
			Reason: q.Reason, Waiting: a.waiting(ctx, ws, r), Rows: q.Rows, Cols: q.Cols, Stream: s})
	}
	if err != nil {
		return nil, &requestError{answer(err), err}
	}
	return opened, nil
}

// waiting returns what tells a client that its request waits for an approval. A client that is
// gone, or has no valid proof any more, waits no longer.
func (a *API) waiting(ctx context.Context, ws *websocket.Conn, r *http.Request) func(*broker.Waiting) error {
	return func(w *broker.Waiting) error {
		if err := a.Proof(r); err != nil {
			return &web.Error{Status: http.StatusUnauthorized, Message: accessEnded}
		}
		b, err := json.Marshal(v1.SessionAnswer{Session: w.Session,
			Waiting: &v1.SessionWaiting{For: w.For, Until: w.Until}})
		if err != nil {
			return err
		}
		return write(ctx, ws, websocket.MessageText, b)
	}
}

// requestError is why a request failed, as clients see it and as it was.
type requestError struct {
	error
	cause error
}

func (e *requestError) Unwrap() []error { return []error{e.error, e.cause} }

// tell says why a request failed.
func tell(ctx context.Context, ws *websocket.Conn, err error) {
	a := v1.SessionAnswer{Status: http.StatusBadGateway, Error: err.Error()}
	var e *web.Error
	if errors.As(err, &e) {
		a.Status = e.Status
	}
	var unanswered *broker.UnansweredError
	if errors.As(err, &unanswered) { // the client may look for the session there
		a.Agent = unanswered.Agent
	}
	if b, err := json.Marshal(a); err == nil && write(ctx, ws, websocket.MessageText, b) == nil {
		ws.Close(websocket.StatusNormalClosure, "")
	}
}

// pass passes messages on, in both directions, until one side ends, or the client says nothing
// for silence.
func pass(ctx context.Context, cancel context.CancelFunc, ws *websocket.Conn, conn broker.Conn, silence time.Duration) {
	ended := make(chan struct{})
	go func() {
		silent := time.AfterFunc(silence, func() { _ = ws.CloseNow() })
		defer silent.Stop()
		defer close(ended)
		defer cancel()
		defer conn.Close() // what waits in Next returns
		var p []byte
		for {
			kind, r, err := ws.Reader(ctx)
			if err != nil || kind != websocket.MessageBinary {
				return
			}
			if p, err = readInto(p[:0], r); err != nil {
				return
			}
			silent.Stop() // while the node takes what has come
			if err := conn.Send(p); err != nil {
				if errors.Is(err, broker.ErrBad) {
					ws.Close(websocket.StatusPolicyViolation, "a malformed message")
				}
				return
			}
			silent.Reset(silence)
		}
	}()
	for {
		p, err := conn.Next()
		if err == nil {
			err = write(ctx, ws, websocket.MessageBinary, p)
		}
		if err == nil {
			continue
		}
		switch {
		case err == io.EOF:
			ws.Close(websocket.StatusNormalClosure, "")
		case ctx.Err() == nil && rpc.CodeOf(err) != rpc.Internal:
			ws.Close(websocket.StatusTryAgainLater, "the connection to the node was lost")
		}
		cancel()
		<-ended
		return
	}
}

// readInto appends a message, whose length is bounded, to b. A copy of files sends 30,000 of them a
// gigabyte.
func readInto(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, max(len(b), 512))
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

func write(ctx context.Context, ws *websocket.Conn, kind websocket.MessageType, p []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	return ws.Write(ctx, kind, p)
}
