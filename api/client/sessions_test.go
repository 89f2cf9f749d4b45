package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/v1"
)

// sessionRelay answers requests for sessions as a test says.
func sessionRelay(t *testing.T, f func(ws *websocket.Conn, q *v1.SessionRequest)) *Client {
	t.Helper()
	return clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{v1.SessionProtocol}})
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.CloseNow()
		if got := r.Header.Get("Authorization"); got != "Bearer secret" {
			t.Errorf("the token is %q", got)
		}
		_, b, err := ws.Read(r.Context())
		q := new(v1.SessionRequest)
		if err == nil {
			err = json.Unmarshal(b, q)
		}
		if err != nil {
			t.Error(err)
			return
		}
		f(ws, q)
	})
}

func clientOf(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := New(srv.URL, "secret")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func say(ws *websocket.Conn, a *v1.SessionAnswer) {
	b, _ := json.Marshal(a)
	_ = ws.Write(context.Background(), websocket.MessageText, b) // a client that is gone is none
}

func TestDialSession(t *testing.T) {
	c := sessionRelay(t, func(ws *websocket.Conn, q *v1.SessionRequest) {
		until := time.Now().Add(time.Minute)
		say(ws, &v1.SessionAnswer{Session: q.Session, Waiting: &v1.SessionWaiting{For: "group:seniors", Until: until}})
		say(ws, &v1.SessionAnswer{Session: q.Session, Waiting: &v1.SessionWaiting{For: "group:seniors", Until: until}})
		say(ws, &v1.SessionAnswer{Session: q.Session, Agent: "node1"})
		for {
			kind, b, err := ws.Read(context.Background())
			if err != nil || string(b) == "end" {
				ws.Close(websocket.StatusNormalClosure, "")
				return
			}
			_ = ws.Write(context.Background(), websocket.MessageText, []byte("to be passed over"))
			_ = ws.Write(context.Background(), kind, b)
		}
	})
	waits := 0
	conn, a, err := c.DialSession(t.Context(), &v1.SessionRequest{Session: "s1"}, func(a *v1.SessionAnswer) {
		if waits++; a.Waiting.For != "group:seniors" || a.Session != "s1" {
			t.Errorf("%+v", a)
		}
	})
	if err != nil || a.Agent != "node1" || waits != 2 {
		t.Fatalf("%+v, %v, %d", a, err, waits)
	}
	defer conn.Close()
	for _, part := range []string{"hello", "again"} {
		if _, err := conn.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(part))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != part {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := conn.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 10)); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

// Each way in which it fails says why, and what the relay has said.
func TestDialSessionFails(t *testing.T) {
	answer := func(text string) func(*websocket.Conn, *v1.SessionRequest) {
		return func(ws *websocket.Conn, _ *v1.SessionRequest) {
			_ = ws.Write(context.Background(), websocket.MessageText, []byte(text))
		}
	}
	refuse := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, status) }
	}
	gone := clientOf(t, refuse(200, ""))
	gone.base.Host = "127.0.0.1:1"
	for name, c := range map[string]struct {
		client *Client
		status int // 0: it is no *Error
		want   string
	}{
		"denied":       {sessionRelay(t, answer(`{"status":403,"error":"sue may not"}`)), 403, "sue may not"},
		"ambiguous":    {sessionRelay(t, answer(`{"status":409,"error":"it may be\n  web-1"}`)), 409, "\n  web-1"},
		"no JSON":      {sessionRelay(t, answer(`<html>`)), 0, "not the expected JSON"},
		"nothing":      {sessionRelay(t, func(*websocket.Conn, *v1.SessionRequest) {}), 0, "ask for a session"},
		"no token":     {clientOf(t, refuse(401, `{"error":"who are you"}`)), 401, "daytwo login"},
		"off":          {clientOf(t, refuse(501, `{"error":"this relay opens no sessions"}`)), 501, "opens no sessions"},
		"no WebSocket": {clientOf(t, refuse(200, "hello")), 0, "no answer from"},
		"unreachable":  {gone, 0, "nothing listens at http://127.0.0.1:1"},
	} {
		conn, _, err := c.client.DialSession(t.Context(), &v1.SessionRequest{Session: "s1"})
		var e *Error
		if conn != nil || err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &e) != (c.status != 0) ||
			c.status != 0 && e.Status != c.status {
			t.Errorf("%s: %v, want %d %q", name, err, c.status, c.want)
		}
	}
}

// A relay goes away in the middle of the output: the client goes on at another one, from the byte
// that it has, and shows each byte once.
func TestAnotherRelayTakesOver(t *testing.T) {
	const output = "each byte exactly once\n"
	var id atomic.Value
	from := func(ws *websocket.Conn, q *v1.SessionRequest, to int) {
		say(ws, &v1.SessionAnswer{Session: q.Session, Agent: "node1"})
		b := wire.AppendStarted(nil, &wire.Start{Session: q.Session, Stdout: q.Stdout.Offset, Stderr: q.Stderr.Offset})
		b = wire.Append(b, &wire.Message{Type: wire.Data, Stream: wire.Stdout, Offset: q.Stdout.Offset,
			Data: []byte(output)[q.Stdout.Offset:to]})
		_ = ws.Write(context.Background(), websocket.MessageBinary, b)
	}
	first := sessionRelay(t, func(ws *websocket.Conn, q *v1.SessionRequest) {
		id.Store(q.Client)
		from(ws, q, 9)
		time.Sleep(50 * time.Millisecond) // and it goes away without a word
	})
	second := sessionRelay(t, func(ws *websocket.Conn, q *v1.SessionRequest) {
		if q.Command != nil || q.Session != "s1" || q.Client != id.Load() || q.Stdout.Offset != 9 {
			t.Errorf("it asks for %+v", q)
		}
		from(ws, q, len(output))
		b := wire.AppendExit(nil, &session.Exit{Code: 3})
		_ = ws.Write(context.Background(), websocket.MessageBinary, b)
		_, _, _ = ws.Read(context.Background()) // the client says that it has all
		ws.Close(websocket.StatusNormalClosure, "")
	})
	relays := []*Client{first, clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":"it is starting"}`, http.StatusServiceUnavailable)
	}), second}
	var out bytes.Buffer
	lost := 0
	s := sessionclient.New(sessionclient.Options{Stdout: &out, Lost: func(error) { lost++ },
		Dial: func(ctx context.Context, r sessionclient.Resume) (sessionclient.Conn, error) {
			c := relays[0]
			relays = relays[1:]
			q := &v1.SessionRequest{Session: "s1", Client: r.Client, Stdout: v1.SessionOutput(r.Out[wire.Stdout]),
				Stderr: v1.SessionOutput(r.Out[wire.Stderr])}
			if !r.Again {
				q.Command = &session.Command{Args: []string{"echo"}}
			}
			conn, _, err := c.DialSession(ctx, q)
			return conn, err
		}})
	exit, err := s.Run(t.Context())
	if err != nil || exit.Code != 3 || out.String() != output || lost != 1 {
		t.Errorf("%+v, %v, %q, lost %d times", exit, err, out.String(), lost)
	}
}

func TestDecideAboutSessions(t *testing.T) {
	var got string
	status := http.StatusNoContent
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.URL.Path + " " + string(b)
		if status != http.StatusNoContent {
			http.Error(w, `{"error":"nobody approves their own request"}`, status)
			return
		}
		w.WriteHeader(status)
	})
	if err := c.ApproveSession(t.Context(), "s1"); err != nil || got != "POST /api/v1/session-requests/s1/approve " {
		t.Errorf("%q, %v", got, err)
	}
	if err := c.DenySession(t.Context(), "s1", "no"); err != nil ||
		got != `POST /api/v1/session-requests/s1/deny {"reason":"no"}` {
		t.Errorf("%q, %v", got, err)
	}
	if err := c.KillSession(t.Context(), "n1", "s/1"); err != nil || got != "DELETE /api/v1/sessions/s/1 " {
		t.Errorf("%q, %v", got, err)
	}
	status = http.StatusForbidden
	var e *Error
	if err := c.ApproveSession(t.Context(), "s1"); !errors.As(err, &e) || e.Status != 403 ||
		!strings.Contains(err.Error(), "nobody approves their own") {
		t.Errorf("%v", err)
	}
}
