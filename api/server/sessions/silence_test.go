package sessions

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/v1"
)

// quiet is a session in which nothing happens, and which says when its connection is closed.
type quiet struct {
	broker.Sessions
	closed chan struct{}
}

func (q *quiet) Attach(context.Context, *broker.Asker, string, string, *broker.Stream) (*broker.Opened, error) {
	return &broker.Opened{Session: "s", Agent: "n", Conn: &quietConn{closed: q.closed}}, nil
}

type quietConn struct{ closed chan struct{} }

func (c *quietConn) Next() ([]byte, error) { <-c.closed; return nil, errors.New("closed") }
func (c *quietConn) Send([]byte) error     { return nil }
func (c *quietConn) Allowed() bool         { return true }
func (c *quietConn) Close() {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
}

// A client from which nothing comes is taken for dead, and one that sends pings is not.
func TestSilentClient(t *testing.T) {
	const silence = 300 * time.Millisecond
	for name, pings := range map[string]int{"silent": 0, "alive": 20} {
		t.Run(name, func(t *testing.T) {
			q := &quiet{closed: make(chan struct{})}
			a := &API{Sessions: q, Proof: func(*http.Request) error { return nil }, silence: silence}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = a.connect(w, r) }))
			defer srv.Close()
			ws, _, err := websocket.Dial(t.Context(), srv.URL,
				&websocket.DialOptions{Subprotocols: []string{v1.SessionProtocol}})
			if err != nil {
				t.Fatal(err)
			}
			defer ws.CloseNow()
			if err := ws.Write(t.Context(), websocket.MessageText, []byte(`{"session":"s"}`)); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			for range pings {
				time.Sleep(50 * time.Millisecond)
				ping := wire.Append(nil, &wire.Message{Type: wire.Ping})
				if err := ws.Write(t.Context(), websocket.MessageBinary, ping); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-q.closed:
			case <-time.After(10 * time.Second):
				t.Fatal("the connection to the node is still there")
			}
			if took := time.Since(begun); took < silence || pings > 0 && took < time.Second {
				t.Errorf("it was closed after %v", took)
			}
		})
	}
}
