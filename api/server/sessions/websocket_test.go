package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// sessionsOf answers for sessions as a test says. relay/sessions is tested with a real node.
type sessionsOf struct {
	broker.Sessions
	open    func(ctx context.Context, r *broker.Request) (broker.Conn, error)
	attach  func(agent, id string, s *broker.Stream) (broker.Conn, error)
	kill    func(agent, id string) error
	list    []sessionrpc.Info
	missing []broker.Missing
}

func (s *sessionsOf) Open(ctx context.Context, _ *broker.Asker, r *broker.Request) (*broker.Opened, error) {
	c, err := s.open(ctx, r)
	if err != nil {
		return nil, err
	}
	return &broker.Opened{Session: r.Session, Agent: "node1", Conn: c}, nil
}

func (s *sessionsOf) Attach(_ context.Context, _ *broker.Asker, agent, id string, st *broker.Stream) (*broker.Opened,
	error) {
	c, err := s.attach(agent, id, st)
	if err != nil {
		return nil, err
	}
	return &broker.Opened{Session: id, Agent: "node1", Conn: c}, nil
}

func (s *sessionsOf) Kill(_ context.Context, _ *broker.Asker, agent, id string) error {
	return s.kill(agent, id)
}

func (s *sessionsOf) List(context.Context, *broker.Asker) ([]sessionrpc.Info, []broker.Missing, error) {
	return s.list, s.missing, nil
}

// echo is a connection to a node that sends back what it gets, until it is closed.
type echo struct {
	messages chan []byte
	closed   chan struct{}
	once     sync.Once
	refuse   error // what Send answers
	allowed  func() bool
	endless  bool // it sends without an end
}

func newEcho() *echo { return &echo{messages: make(chan []byte, 16), closed: make(chan struct{})} }

func (e *echo) Next() ([]byte, error) {
	if e.endless {
		select {
		case <-e.closed:
			return nil, io.ErrClosedPipe
		default:
			return wire.Append(nil, &wire.Message{Type: wire.Data, Stream: wire.Stdout,
				Data: make([]byte, wire.MaxData)}), nil
		}
	}
	select {
	case p := <-e.messages:
		if p == nil {
			return nil, io.EOF
		}
		return p, nil
	case <-e.closed:
		return nil, io.ErrClosedPipe
	}
}

func (e *echo) Send(p []byte) error {
	if e.refuse != nil {
		return e.refuse
	}
	select {
	case e.messages <- append([]byte{}, p...):
	case <-e.closed:
	}
	return nil
}

func (e *echo) Allowed() bool { return e.allowed == nil || e.allowed() }
func (e *echo) Close()        { e.once.Do(func() { close(e.closed) }) }

// serve serves the routes, and returns their URL.
func serve(t *testing.T, s *sessionsOf, approvals broker.Approvals) string {
	t.Helper()
	a := &API{Approvals: approvals, Proof: func(*http.Request) error { return nil }}
	if s != nil {
		a.Sessions = s
	}
	return serveAPI(t, a)
}

func serveAPI(t *testing.T, a *API) string {
	t.Helper()
	mux := http.NewServeMux()
	for _, r := range a.Routes() {
		mux.HandleFunc(r.Method+" "+r.Path, func(w http.ResponseWriter, req *http.Request) {
			var e *web.Error
			if err := r.Handle(w, req); errors.As(err, &e) {
				http.Error(w, e.Message, e.Status)
			} else if err != nil {
				t.Errorf("%s %s: %v", r.Method, r.Path, err)
			}
		})
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// dial opens a WebSocket and sends a first message.
func dial(t *testing.T, url string, kind websocket.MessageType, first string) *websocket.Conn {
	t.Helper()
	ws, resp, err := websocket.Dial(t.Context(), url+"/api/v1/sessions",
		&websocket.DialOptions{Subprotocols: []string{v1.SessionProtocol}})
	if err != nil {
		t.Fatalf("%v: %+v", err, resp)
	}
	t.Cleanup(func() { ws.CloseNow() })
	if err := ws.Write(t.Context(), kind, []byte(first)); err != nil {
		t.Fatal(err)
	}
	return ws
}

func read(t *testing.T, ws *websocket.Conn) (a v1.SessionAnswer, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	kind, b, err := ws.Read(ctx)
	if err != nil {
		return a, err
	}
	if kind != websocket.MessageText {
		t.Errorf("the answer is no text: %q", b)
	}
	return a, json.Unmarshal(b, &a)
}

const shell = `{"session":"abcdefghijklmnop","container":"web","command":{"args":["sh"]},"client":"c1",` +
	`"stdout":{"offset":7,"window":9}}`

// The first message opens a session or attaches to one; what follows is passed on as it is, in
// both directions, to its end.
func TestWebSocket(t *testing.T) {
	e := newEcho()
	var asked *broker.Request
	url := serve(t, &sessionsOf{open: func(_ context.Context, r *broker.Request) (broker.Conn, error) {
		asked = r
		return e, nil
	}}, nil)
	ws := dial(t, url, websocket.MessageText, shell)
	if a, err := read(t, ws); err != nil || a.Session != "abcdefghijklmnop" || a.Agent != "node1" || a.Status != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	if asked.Container != "web" || asked.Client != "c1" || asked.Out[wire.Stdout].Offset != 7 ||
		asked.Out[wire.Stdout].Window != 9 || asked.Command.Args[0] != "sh" || asked.Waiting == nil {
		t.Errorf("%+v", asked)
	}
	data := wire.Append(nil, &wire.Message{Type: wire.Data, Data: []byte("hello")})
	if err := ws.Write(t.Context(), websocket.MessageBinary, data); err != nil {
		t.Fatal(err)
	}
	if kind, b, err := ws.Read(t.Context()); err != nil || kind != websocket.MessageBinary || string(b) != string(data) {
		t.Errorf("%q, %v", b, err)
	}
	e.messages <- nil
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("at the end: %v", err)
	}
	<-e.closed
}

func TestWebSocketAttaches(t *testing.T) {
	e := newEcho()
	var got string
	url := serve(t, &sessionsOf{attach: func(agent, id string, s *broker.Stream) (broker.Conn, error) {
		got = fmt.Sprint(agent, " ", id, " ", s.Write)
		return e, nil
	}}, nil)
	ws := dial(t, url, websocket.MessageText, `{"session":"abcdefghijklmnop","agent":"node1","write":true}`)
	if a, err := read(t, ws); err != nil || a.Session != "abcdefghijklmnop" || got != "node1 abcdefghijklmnop true" {
		t.Errorf("%+v, %q, %v", a, got, err)
	}
	ws.CloseNow()
	select {
	case <-e.closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection to the node outlives that of the client")
	}
}

// What is no request is answered, and opens nothing.
func TestFirstMessage(t *testing.T) {
	url := serve(t, &sessionsOf{open: func(context.Context, *broker.Request) (broker.Conn, error) {
		t.Error("something was opened")
		return nil, errors.New("no")
	}}, nil)
	for name, c := range map[string]struct {
		kind  websocket.MessageType
		first string
	}{
		"bad JSON":     {websocket.MessageText, `{"command":`},
		"another type": {websocket.MessageText, `{"command":{"args":"sh"}}`},
		"no object":    {websocket.MessageText, `[]`},
		"binary":       {websocket.MessageBinary, shell},
		"empty":        {websocket.MessageText, ``},
	} {
		ws := dial(t, url, c.kind, c.first)
		if a, err := read(t, ws); err != nil || a.Status != 400 || !strings.Contains(a.Error, "the first message has to be") {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	long := dial(t, url, websocket.MessageText, `{"container":"`+strings.Repeat("x", maxRequest)+`"}`)
	if _, _, err := long.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("a request that is too long: %v", err)
	}
}

func TestSubprotocol(t *testing.T) {
	url := serve(t, &sessionsOf{}, nil)
	for _, offered := range [][]string{nil, {"session.v2.daytwo"}, {"chat"}} {
		ws, resp, err := websocket.Dial(t.Context(), url+"/api/v1/sessions", &websocket.DialOptions{Subprotocols: offered})
		if err != nil { // the upgrade was refused
			if resp == nil || resp.StatusCode < 400 {
				t.Errorf("%v: %v", offered, err)
			}
			continue
		}
		if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation ||
			!strings.Contains(err.Error(), v1.SessionProtocol) {
			t.Errorf("%v: %v", offered, err)
		}
		ws.CloseNow()
	}
}

// A message that is too long, or malformed, or a text, ends the connection to the node, too.
func TestLaterMessages(t *testing.T) {
	for name, c := range map[string]struct {
		kind   websocket.MessageType
		size   int
		refuse error
		status websocket.StatusCode
	}{
		"too long":  {websocket.MessageBinary, maxMessage + 1, nil, websocket.StatusMessageTooBig},
		"malformed": {websocket.MessageBinary, 10, fmt.Errorf("x: %w", broker.ErrBad), websocket.StatusPolicyViolation},
		"a text":    {websocket.MessageText, 10, nil, -1},
	} {
		e := newEcho()
		e.refuse = c.refuse
		url := serve(t, &sessionsOf{open: func(context.Context, *broker.Request) (broker.Conn, error) { return e, nil }}, nil)
		ws := dial(t, url, websocket.MessageText, shell)
		if _, err := read(t, ws); err != nil {
			t.Fatal(err)
		}
		if err := ws.Write(t.Context(), c.kind, make([]byte, c.size)); err != nil {
			t.Logf("%s: %v", name, err) // it may have been closed before the end
		}
		select {
		case <-e.closed:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: the connection to the node stays", name)
		}
		if _, _, err := ws.Read(t.Context()); err == nil ||
			c.status > 0 && websocket.CloseStatus(err) != c.status {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A client that never reads stops what comes from the node, and nothing grows; it ends when the
// client goes.
func TestClientThatNeverReads(t *testing.T) {
	e := newEcho()
	e.endless = true
	url := serve(t, &sessionsOf{open: func(context.Context, *broker.Request) (broker.Conn, error) { return e, nil }}, nil)
	ws := dial(t, url, websocket.MessageText, shell)
	time.Sleep(300 * time.Millisecond)
	select {
	case <-e.closed:
		t.Fatal("it was ended")
	default:
	}
	ws.CloseNow()
	select {
	case <-e.closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection to the node outlives that of the client")
	}
}

// A connection ends within seconds when the policy or the proof no longer allows it.
func TestAccessEnds(t *testing.T) {
	e := newEcho()
	e.allowed = func() bool { return false }
	url := serve(t, &sessionsOf{open: func(context.Context, *broker.Request) (broker.Conn, error) { return e, nil }}, nil)
	ws := dial(t, url, websocket.MessageText, shell)
	if _, err := read(t, ws); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*checkEvery)
	defer cancel()
	if _, _, err := ws.Read(ctx); websocket.CloseStatus(err) != websocket.StatusPolicyViolation ||
		!strings.Contains(err.Error(), accessEnded) {
		t.Errorf("%v", err)
	}
}

// Each failure has a status and says why; an ambiguous name lists what it may be.
func TestFailures(t *testing.T) {
	var fails error
	s := &sessionsOf{open: func(context.Context, *broker.Request) (broker.Conn, error) { return nil, fails },
		kill: func(string, string) error { return fails }}
	url := serve(t, s, nil)
	for _, c := range []struct {
		err    error
		status int
		text   string
	}{
		{&broker.NoContainerError{Name: "web"}, 404, "no running container matches web"},
		{&broker.AmbiguousError{Name: "web", Candidates: []string{"web-1 (aa on n1)", "web-2 (bb on n2)"}}, 409,
			"web is ambiguous: it may be\n  web-1 (aa on n1)\n  web-2 (bb on n2)"},
		{&broker.DeniedError{Who: "eve", Right: session.Exec}, 403, "eve may not create dcos:superuser here"},
		{fmt.Errorf("x: %w", broker.ErrBad), 400, "makes no sense"},
		{broker.ErrNotFound, 404, "no such session"},
		{broker.ErrNoRequest, 404, "no such request"},
		{fmt.Errorf("x: %w", broker.ErrConflict), 409, "somebody was faster"},
		{rpc.Errorf(rpc.Denied, "the node n1 has a policy of its own"), 403, "the node n1 has a policy of its own"},
		{rpc.Errorf(rpc.Invalid, "bad"), 400, "bad"},
		{rpc.Errorf(rpc.NotFound, "gone"), 404, "gone"},
		{rpc.Errorf(rpc.Exhausted, "full"), 429, "full"},
		{rpc.ErrAway, 503, "not connected"},
		{errors.New("odd"), 502, "odd"},
	} {
		fails = c.err
		a, err := read(t, dial(t, url, websocket.MessageText, shell))
		if err != nil || a.Status != c.status || !strings.Contains(a.Error, c.text) {
			t.Errorf("%v: %+v, %v", c.err, a, err)
		}
		req, err := http.NewRequestWithContext(t.Context(), "DELETE", url+"/api/v1/sessions/abcdefghijklmnop?agent=n1", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || !strings.Contains(string(b), c.text) {
			t.Errorf("DELETE: %v: %d %s", c.err, resp.StatusCode, b)
		}
	}
}
