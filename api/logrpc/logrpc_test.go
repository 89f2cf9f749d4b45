package logrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

const (
	cluster = "test"
	agent   = "node-1"
	start   = 1_760_000_000_000_000
)

// pair is a node and a client with a NATS server between them.
type pair struct {
	*testing.T
	logs   *testlogs.Logs
	server *rpc.Server
	client *rpc.Client
	node   *Node
	stop   func() // ends the node
}

func newPair(t *testing.T, logs query.Logs) *pair {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	connect := func() *nats.Conn {
		c, err := bus.Connect(bus.ConnectOptions{InProcess: srv, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	p := &pair{T: t}
	p.logs, _ = logs.(*testlogs.Logs)
	o := rpc.ServerOptions{Conn: connect(), Cluster: cluster, Agent: agent, Handlers: Handlers(logs), Log: quiet}
	p.server = rpc.NewServer(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.server.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
	if p.client, err = rpc.NewClient(connect(), cluster); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.client.Close() })
	p.node = NewNode(p.client, agent)
	rig.Eventually(t, 20*time.Second, func() error {
		_, err := p.client.Call(t.Context(), agent, "nothing", nil, 10)
		if rpc.CodeOf(err) != rpc.Invalid {
			return err
		}
		return nil
	})
	return p
}

// filled returns n entries of different forms.
func filled(n int) *testlogs.Logs {
	l := testlogs.New(agent)
	for i := range n {
		switch i % 10 {
		case 3:
			l.Add(entry.Entry{Realtime: start - int64(i), Monotonic: entry.NoMonotonic, Fields: []entry.Field{
				{Name: "MESSAGE", Value: []byte{0, 0xff, '\n'}}, {Name: "TAG", Value: []byte("a")}, {Name: "TAG", Value: nil},
			}})
		case 7:
			l.Say(start+int64(i), "big", strings.Repeat("x", i%50*2000))
		default:
			l.Say(start+int64(i), fmt.Sprint("task-", i%5), fmt.Sprint("line ", i), "PRIORITY=6", "_HOSTNAME=h")
		}
	}
	return l
}

// read reads a query to its end.
func read(t *testing.T, logs query.Logs, q *query.LogQuery) (all []*entry.Entry) {
	t.Helper()
	r, err := logs.Entries(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		rec, err := r.Next(t.Context())
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Entry != nil {
			all = append(all, clone(rec.Entry))
		}
	}
}

func clone(e *entry.Entry) *entry.Entry {
	c := e.Clone()
	c.Cursor = strings.Clone(e.Cursor)
	for i := range c.Fields {
		if len(c.Fields[i].Value) == 0 {
			c.Fields[i].Value = nil
		}
	}
	return c
}

// Everything that a node has crosses as it is, whatever is asked.
func TestSame(t *testing.T) {
	p := newPair(t, filled(500))
	task := query.LogCondition{Tag: "task_name", Patterns: []string{"task-1"}}
	for name, q := range map[string]*query.LogQuery{
		"all":     {},
		"reverse": {Reverse: true, Limit: 300},
		"tail":    {Tail: true, Limit: 50, Skip: -7},
		"task":    {Tasks: []string{"task-[12]"}, Since: start + 100, Until: start + 400},
		"fields":  {Fields: []string{"MESSAGE"}, Matches: []string{"PRIORITY=6"}, Grep: "9$"},
		"scope":   {Scope: &query.LogScope{Selectors: [][]query.LogCondition{{task}}}},
		"nothing": {Scope: &query.LogScope{}},
		"level":   {Priority: &query.PriorityRange{Min: 7, Max: 7}, Cursor: "s=node-1;i=5"},
	} {
		want, got := read(t, p.logs, q), read(t, p.node, q)
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d entries, want %d", name, len(got), len(want))
		}
		if (len(want) == 0) != (name == "nothing" || name == "level") {
			t.Errorf("%s: %d entries", name, len(want))
		}
	}
	q := &query.LogQuery{Tasks: []string{"task-1", "bi"}}
	same := func(what string, got, want any, err1, err2 error) {
		if !reflect.DeepEqual(got, want) || err1 != nil || err2 != nil {
			t.Errorf("%s: %v, %v; want %v, %v", what, got, err1, want, err2)
		}
	}
	f1, err1 := p.node.Fields(t.Context(), q)
	f2, err2 := p.logs.Fields(t.Context(), q)
	same("fields", f1, f2, err1, err2)
	v1, err1 := p.node.Values(t.Context(), &query.LogQuery{}, "MESSAGE", 40)
	v2, err2 := p.logs.Values(t.Context(), &query.LogQuery{}, "MESSAGE", 40)
	same("values", v1, v2, err1, err2)
	h1, err1 := p.node.Histogram(t.Context(), q, 100)
	h2, err2 := p.logs.Histogram(t.Context(), q, 100)
	same("histogram", h1, h2, err1, err2)
	b1, err1 := p.node.Boots(t.Context(), q)
	b2, err2 := p.logs.Boots(t.Context(), q)
	same("boots", b1, b2, err1, err2)
	s1, err1 := p.node.Sources(t.Context(), q)
	s2, err2 := p.logs.Sources(t.Context(), q)
	same("sources", s1, s2, err1, err2)
}

func TestErrors(t *testing.T) {
	p := newPair(t, filled(20))
	for want, q := range map[error]*query.LogQuery{
		query.ErrNoSuchSource: {Tasks: []string{"none"}},
		query.ErrBadCursor:    {Cursor: "x"},
		query.ErrBadLogQuery:  {Grep: "("},
	} {
		_, there := p.logs.Entries(t.Context(), q)
		if _, err := p.node.Entries(t.Context(), q); !errors.Is(err, want) || err.Error() != there.Error() {
			t.Errorf("%v, want %v", err, there)
		}
	}
	var ambiguous *query.AmbiguousError
	_, err := p.node.Fields(t.Context(), &query.LogQuery{Tasks: []string{"task-"}})
	if !errors.As(err, &ambiguous) || ambiguous.Selector != "task-" || len(ambiguous.Candidates) != 5 {
		t.Errorf("%v", err)
	}
	large := &query.LogQuery{Grep: strings.Repeat("x", maxRequest)}
	if _, err := p.node.Entries(t.Context(), large); !errors.Is(err, query.ErrBadLogQuery) {
		t.Errorf("a large request: %v", err)
	}
	if _, err := NewNode(p.client, "node-2").Entries(t.Context(), &query.LogQuery{}); !errors.Is(err, query.ErrNodeAway) {
		t.Errorf("a node that is away: %v", err)
	}
	r, err := p.node.Entries(t.Context(), &query.LogQuery{Follow: true, Tail: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p.stop()
	for err == nil {
		_, err = r.Next(t.Context())
	}
	if !errors.Is(err, query.ErrNodeAway) {
		t.Errorf("a node that ends: %v", err)
	}
}

func TestNoJournal(t *testing.T) {
	p := newPair(t, query.NoLogs{})
	if _, err := p.node.Entries(t.Context(), &query.LogQuery{}); !errors.Is(err, query.ErrNoJournal) {
		t.Errorf("%v", err)
	}
	if _, err := p.node.Sources(t.Context(), &query.LogQuery{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

// What comes is sent at once; events cross; closing reaches the node.
func TestFollow(t *testing.T) {
	p := newPair(t, filled(20))
	r, err := p.node.Entries(t.Context(), &query.LogQuery{Follow: true, Tail: true})
	if err != nil {
		t.Fatal(err)
	}
	want := entry.Event{Kind: entry.Gap, Time: start, Agent: agent, Source: "s", Count: 3, Message: "3 are missing"}
	for i := range 100 {
		p.logs.Say(start, "web", fmt.Sprint("new ", i))
		rec, err := r.Next(t.Context())
		if err != nil || rec.Entry == nil || string(rec.Entry.Fields[0].Value) != fmt.Sprint("new ", i) {
			t.Fatalf("%d: %+v, %v", i, rec, err)
		}
	}
	p.logs.Event(want)
	if rec, err := r.Next(t.Context()); err != nil || rec.Event == nil || *rec.Event != want {
		t.Errorf("%+v, %v", rec, err)
	}
	closed := make(chan error, 1)
	go func() {
		_, err := r.Next(context.Background())
		closed <- err
	}()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := <-closed; err == nil {
		t.Error("Next goes on after Close")
	}
	rig.Eventually(t, 5*time.Second, func() error {
		if n := p.logs.Readers(); n != 0 {
			return fmt.Errorf("%d readers are open", n)
		}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	r, err = p.node.Entries(ctx, &query.LogQuery{Follow: true, Tail: true})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	r.Close()
}

// A reader that takes nothing stops its own source only, and then gets everything.
func TestStalled(t *testing.T) {
	p := newPair(t, filled(3000))
	want := read(t, p.logs, &query.LogQuery{})
	stalled, err := p.node.Entries(t.Context(), &query.LogQuery{})
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	if got := read(t, p.node, &query.LogQuery{}); len(got) != len(want) {
		t.Errorf("another reader: %d entries, want %d", len(got), len(want))
	}
	for i := range want {
		rec, err := stalled.Next(t.Context())
		if err != nil || !reflect.DeepEqual(clone(rec.Entry), want[i]) {
			t.Fatalf("entry %d: %+v, %v", i, rec.Entry, err)
		}
	}
	if _, err := stalled.Next(t.Context()); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}
