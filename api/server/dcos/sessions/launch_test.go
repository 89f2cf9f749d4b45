package sessions

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/wire"
)

// node answers as a node does that loses connections. Each connection has messages of its own, and
// what comes after them.
type node struct {
	broker.Sessions
	mu       sync.Mutex
	conns    []*nodeConn
	streams  []broker.Stream
	limits   session.Limits
	killed   chan string
	awayFor  int // attempts to attach that find no node
	attempts int
}

func (n *node) Open(_ context.Context, _ *broker.Asker, r *broker.Request) (*broker.Opened, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.limits = r.Limits
	if !r.Exact || r.Container != "c" || r.Agent != "n1" {
		return nil, &broker.NoContainerError{Name: r.Container}
	}
	return n.next(r.Session, &r.Stream), nil
}

func (n *node) Attach(_ context.Context, _ *broker.Asker, agent, id string, s *broker.Stream) (*broker.Opened, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.attempts++; n.attempts <= n.awayFor {
		return nil, rpc.Errorf(rpc.Unavailable, "the node is away")
	}
	if agent != "n1" || len(n.conns) == 0 {
		return nil, broker.ErrNotFound
	}
	return n.next(id, s), nil
}

func (n *node) next(id string, s *broker.Stream) *broker.Opened {
	n.streams = append(n.streams, *s)
	c := n.conns[0]
	n.conns = n.conns[1:]
	return &broker.Opened{Session: id, Agent: "n1", Conn: c}
}

func (n *node) Kill(_ context.Context, _ *broker.Asker, _, id string) error {
	n.killed <- id
	return nil
}

// nodeConn is a connection that sends messages, and then ends with an error, or waits if there
// is none.
type nodeConn struct {
	messages []byte
	err      error
	denied   atomic.Bool
	detached atomic.Bool
	once     sync.Once
	closed   chan struct{}
}

func newConn(err error, messages ...[]byte) *nodeConn {
	c := &nodeConn{err: err, closed: make(chan struct{})}
	for _, m := range messages {
		c.messages = append(c.messages, m...)
	}
	return c
}

func (c *nodeConn) Next() ([]byte, error) {
	if b := c.messages; len(b) > 0 {
		c.messages = nil
		return b, nil
	}
	if c.err != nil {
		return nil, c.err
	}
	<-c.closed
	return nil, io.EOF
}
func (c *nodeConn) Send(b []byte) error {
	for len(b) > 0 {
		m, n, err := wire.Parse(b)
		if err != nil || n == 0 {
			return broker.ErrBad
		}
		if m.Type == wire.Detach {
			c.detached.Store(true)
			c.Close()
		}
		b = b[n:]
	}
	return nil
}

func (c *nodeConn) Allowed() bool { return !c.denied.Load() }
func (c *nodeConn) Close()        { c.once.Do(func() { close(c.closed) }) }

func started(stdout uint64) []byte {
	return wire.AppendWriter(wire.AppendStarted(nil, &wire.Start{Stdout: stdout}), &wire.Write{You: true})
}

func printed(offset uint64, text string) []byte {
	return wire.Append(nil, &wire.Message{Type: wire.Data, Stream: wire.Stdout, Offset: offset, Data: []byte(text)})
}

// serveNode serves the calls of a node to a user.
func serveNode(t *testing.T, n *node) (a *API, url string) {
	t.Helper()
	n.killed = make(chan string, 8)
	p, err := auth.NewPrincipal("sue", nil, auth.MethodJWT, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	a = &API{Sessions: n, Proof: func(*http.Request) error { return nil }, Table: new(Table),
		Known: func(id string) bool { return id == "n1" }, Check: 20 * time.Millisecond}
	mux := web.Mux(a.Routes(), "", slog.New(slog.DiscardHandler))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.WithContext(auth.With(r.Context(), p)))
	}))
	t.Cleanup(srv.Close)
	return a, srv.URL + "/slave/n1/api/v1"
}

// launchAt launches a container, and reads its output to the end.
func launchAt(t *testing.T, url string) (data map[stream]string, err error) {
	t.Helper()
	call := `{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{"command":{"value":"x"},
		"container_id":{"value":"u","parent":{"value":"c"}}}}`
	resp, err := http.Post(url, typeJSON, strings.NewReader(call))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, b)
	}
	data, _, _ = decodeOutput(t, asJSON, b)
	return data, err
}

var mineU = key{"sue", "n1", "c", "u"}

// A node or a collector that goes away for a moment costs no byte, though clients of DC/OS
// cannot connect again.
func TestLaunchGoesOn(t *testing.T) {
	n := &node{awayFor: 2, conns: []*nodeConn{
		newConn(errors.New("lost"), started(0), printed(0, "one ")),
		newConn(nil, started(4), printed(4, "two"), wire.AppendExit(nil, &session.Exit{Code: 7})),
	}}
	a, url := serveNode(t, n)
	data, err := launchAt(t, url)
	if err != nil || data[stdout] != "one two" || data[stderr] != "" {
		t.Errorf("%q, %v", data, err)
	}
	first, second := n.streams[0], n.streams[1]
	if !first.Write || !second.Write || first.Client == "" || first.Client != second.Client ||
		first.Out[wire.Stdout].Offset != 0 || second.Out[wire.Stdout].Offset != 4 {
		t.Errorf("%+v, then %+v", first, second)
	}
	if got := a.Table.find(mineU); got == nil || got.status() != 7<<8 {
		t.Errorf("the end: %+v", got)
	}
	if n.limits.Detached != alone || len(n.killed) != 0 {
		t.Errorf("limits %+v, %d times killed", n.limits, len(n.killed))
	}
}

// A session that its node has lost does not end well.
func TestLaunchIsLost(t *testing.T) {
	n := &node{conns: []*nodeConn{newConn(errors.New("lost"), started(0), printed(0, "one"))}}
	a, url := serveNode(t, n)
	data, err := launchAt(t, url)
	if err == nil || data[stdout] != "one" || !strings.Contains(data[stderr], "daytwo: no such session") {
		t.Errorf("%q, %v", data, err)
	}
	if got := a.Table.find(mineU); got == nil || got.status() == 0 {
		t.Errorf("the end: %+v", got)
	}
}

// Whoever may not go on is told, and what runs is ended.
func TestLaunchAccessEnds(t *testing.T) {
	c := newConn(nil, started(0), printed(0, "one"))
	n := &node{conns: []*nodeConn{c}}
	a, url := serveNode(t, n)
	late := time.AfterFunc(200*time.Millisecond, func() { c.denied.Store(true) })
	defer late.Stop()
	data, err := launchAt(t, url)
	if err == nil || data[stdout] != "one" || !strings.Contains(data[stderr], "access has ended") {
		t.Errorf("%q, %v", data, err)
	}
	if id := <-n.killed; id != mineU.session() {
		t.Errorf("%s was killed", id)
	}
	if !c.detached.Load() {
		t.Error("the node would keep the output of a lost client")
	}
	if got := a.Table.find(mineU); got == nil || got.status() != 9 {
		t.Errorf("the end: %+v", got)
	}
}

// Why a session ended that its program did not end is said.
func TestLaunchSaysWhy(t *testing.T) {
	n := &node{conns: []*nodeConn{newConn(nil, started(0),
		wire.AppendExit(nil, &session.Exit{Code: 137, Reason: session.OutOfMemory}))}}
	_, url := serveNode(t, n)
	data, err := launchAt(t, url)
	if err != nil || data[stderr] != "daytwo: the memory limit was reached\n" {
		t.Errorf("%q, %v", data, err)
	}
}
