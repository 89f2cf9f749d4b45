package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/bench/rig"
)

// served is a server whose sessions are those of a node, or fail.
type served struct {
	*testing.T
	node   broker.Conn
	err    error
	asked  chan *broker.Request
	ping   time.Duration
	denied bool
	url    string
}

func serve(t *testing.T, node broker.Conn, err error) *served {
	t.Helper()
	s := &served{T: t, node: node, err: err, asked: make(chan *broker.Request, 1)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Serve(w, r, &Options{
			Open: func(_ context.Context, q *broker.Request) (*broker.Opened, error) {
				s.asked <- q
				if s.err != nil {
					return nil, s.err
				}
				return &broker.Opened{Session: "s", Agent: "n", Conn: s.node}, nil
			},
			Watch: func(_ context.Context, _ broker.Conn, end func(string)) func() {
				var work sync.WaitGroup
				if s.denied {
					work.Go(func() { end("access has ended") })
				}
				return work.Wait
			},
			pingEvery: s.ping,
		})
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/?task=web&command=sh&stdin=true&stdout=true"
	return s
}

func (s *served) dial(protocol, more string) *websocket.Conn {
	s.Helper()
	ws, _, err := websocket.Dial(s.Context(), s.url+more, &websocket.DialOptions{Subprotocols: []string{protocol}})
	if err != nil {
		s.Fatal(err)
	}
	if ws.Subprotocol() != protocol {
		s.Errorf("the subprotocol %q", ws.Subprotocol())
	}
	ws.SetReadLimit(-1)
	s.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// status reads to the end, and returns the status, and how many bytes of output came before it.
func (s *served) status(ws *websocket.Conn) (st status, output int) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	defer cancel()
	for {
		_, p, err := ws.Read(ctx)
		if err != nil {
			if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				s.Errorf("the end is %v", err)
			}
			return st, output
		}
		if p[0] != channelStatus {
			output += len(p) - 1
			continue
		}
		if err := json.Unmarshal(p[1:], &st); err != nil && len(p) > 1 {
			s.Errorf("%s: %v", p, err)
		}
	}
}

// What fails before a session is open is in a status, too.
func TestServeRefusals(t *testing.T) {
	for _, c := range []struct {
		err          error
		more, reason string
		code         int
	}{
		{&web.Error{Status: 403, Message: "sue may not"}, "", "Forbidden", 403},
		{&web.Error{Status: 409, Message: "web is ambiguous"}, "", "Conflict", 409},
		{errors.New("the node is away"), "", internal, 500},
		{nil, "&env=x", "BadRequest", 400},
	} {
		s := serve(t, nil, c.err)
		st, _ := s.status(s.dial(v5, c.more))
		if st.Status != "Failure" || st.Reason != c.reason || st.Code != c.code || st.Message == "" {
			t.Errorf("%v%s: %+v", c.err, c.more, st)
		}
	}
}

// A session with its size, input and end.
func TestServe(t *testing.T) {
	for _, protocol := range []string{v5, v4} {
		n := newNode(t)
		s := serve(t, n, nil)
		ws := s.dial(protocol, "&tty=true")
		for _, m := range []string{"\x04{\"Width\":203,\"Height\":57}", "\x00hello"} {
			if err := ws.Write(t.Context(), websocket.MessageText, []byte(m)); err != nil {
				t.Fatal(err)
			}
		}
		q := <-s.asked
		if q.Rows != 57 || q.Cols != 203 || q.Container != "web" || !q.Command.TTY {
			t.Errorf("%+v", q)
		}
		n.start(100)
		rig.Eventually(t, 5*time.Second, func() error {
			if in, _ := n.got(); in != "hello" {
				return fmt.Errorf("%q", in)
			}
			return nil
		})
		p := wire.Append(nil, &wire.Message{Type: wire.Data, Stream: wire.Stdout, Data: []byte("world")})
		n.out <- wire.AppendExit(p, &session.Exit{Code: 3})
		st, output := s.status(ws)
		if st.Reason != exitCode || st.Details.Causes[0].Message != "3" || output != 5 || !n.done {
			t.Errorf("%+v after %d bytes, done %v", st, output, n.done)
		}
		<-n.closed
	}
}

// A node that goes away is no success, and neither is a client that goes away the node's session.
func TestServeLost(t *testing.T) {
	n := newNode(t)
	s := serve(t, n, nil)
	ws := s.dial(v5, "")
	n.start(0)
	close(n.out)
	if st, _ := s.status(ws); st.Reason != internal || st.Details.Causes[0].Message != "255" {
		t.Errorf("%+v", st)
	}

	for _, waits := range []bool{false, true} { // for room for its input, so that it is not read from
		n = newNode(t)
		s = serve(t, n, nil)
		s.ping = 20 * time.Millisecond
		ws = s.dial(v5, "")
		n.start(0)
		if waits {
			if err := ws.Write(t.Context(), websocket.MessageBinary, []byte("\x00hello")); err != nil {
				t.Fatal(err)
			}
		}
		<-s.asked
		time.Sleep(100 * time.Millisecond) // some pings come to nothing
		select {
		case <-n.closed:
			t.Error("the connection to the node is closed")
		default:
		}
		_ = ws.CloseNow()
		select {
		case <-n.closed:
		case <-time.After(10 * time.Second):
			t.Errorf("the connection to the node is open; the client waits: %v", waits)
		}
	}
}

// Who may not go on is cut off, also while input waits for room.
func TestServeAccessEnds(t *testing.T) {
	n := newNode(t)
	s := serve(t, n, nil)
	s.denied = true
	ws := s.dial(v5, "")
	err := ws.Write(t.Context(), websocket.MessageBinary, []byte("\x00hello"))
	for err == nil {
		_, _, err = ws.Read(t.Context())
	}
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation ||
		!strings.Contains(err.Error(), "access has ended") {
		t.Error(err)
	}
	<-n.closed
}

// endless is a node that prints as much as it has credit for.
type endless struct {
	*node
	sent atomic.Uint64
	buf  []byte
}

func (e *endless) Next() ([]byte, error) {
	offset := e.sent.Load()
	for {
		e.mu.Lock()
		room := max(e.credit[wire.Stdout], window) - offset
		e.mu.Unlock()
		if room >= wire.MaxData {
			break
		}
		select {
		case <-e.closed:
			return nil, errEnded
		case <-time.After(time.Millisecond):
		}
	}
	m := wire.Message{Type: wire.Data, Stream: wire.Stdout, Offset: offset, Data: make([]byte, wire.MaxData)}
	e.buf = wire.Append(e.buf[:0], &m)
	e.sent.Add(wire.MaxData)
	return e.buf, nil
}

// A client that reads nothing stops the program, and what is on its way does not grow. It gets
// everything once it reads.
func TestServeStalledReader(t *testing.T) {
	e := &endless{node: newNode(t)}
	s := serve(t, e, nil)
	ws := s.dial(v5, "")
	var before uint64
	rig.Eventually(t, 20*time.Second, func() error {
		now := e.sent.Load()
		if stopped := now == before && now > 0; !stopped {
			before = now
			time.Sleep(300 * time.Millisecond)
			return fmt.Errorf("%d bytes, and it goes on", now)
		}
		return nil
	})
	if before > 32<<20 { // what the buffers of two sockets take
		t.Errorf("%d bytes are on their way", before)
	}
	for got := uint64(0); got < 2*before; {
		_, p, err := ws.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got += uint64(len(p) - 1)
	}
	_ = ws.CloseNow()
	<-e.closed
}
