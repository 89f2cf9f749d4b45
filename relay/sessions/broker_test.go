package sessions

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/sessions/sealed"
	"github.com/daytwo/daytwo/relay/sessions/requests"
)

func TestMain(m *testing.M) {
	if _, err := sealed.Helper(); err != nil { // it stays open
		panic(err)
	}
	os.Exit(rig.Main(m))
}

// fixture is a broker with a real NATS server, and a node behind it that checks grants as nodes
// do and sends back what it gets as output.
type fixture struct {
	*testing.T
	*Broker
	other   *Broker    // of another relay
	nats    *nats.Conn // of the first one
	mu      sync.Mutex
	grants  []*grant.Grant
	records []audit.Record
	infos   []sessionrpc.Info
	rules   *policy.Policy
}

const rules = `
rules:
  - name: the shop
    subjects: user:sue
    where: {application: /shop/web}
    resources: [dcos:mesos:agent:nested_container_session, dcos:adminrouter:ops:system-metrics,
      dcos:mesos:agent:container]
    actions: full
  - name: looks
    subjects: user:vic
    resources: dcos:adminrouter:ops:system-metrics
    actions: read
  - name: only ls
    subjects: user:lis
    where: {command: ["ls", "ls *"]}
    resources: dcos:mesos:agent:nested_container_session
    actions: create
  - name: as nobody
    subjects: user:sue
    where: {application: /shop/web, user: nobody}
    resources: daytwo:exec-as
    actions: create
  - name: two at the bank
    subjects: user:ben
    where: {application: /bank}
    resources: dcos:mesos:agent:nested_container_session
    actions: create
    approval: group:seniors
`

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t}
	var err error
	if f.rules, err = policy.Parse([]byte(rules), "p.yaml"); err != nil {
		t.Fatal(err)
	}
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	connect := func() *nats.Conn {
		c, err := bus.Connect(bus.ConnectOptions{InProcess: srv, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	client, err := rpc.NewClient(connect(), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	key, err := grant.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	signer := grant.NewSigner("relay1", key)
	if key, err = grant.NewKey(); err != nil {
		t.Fatal(err)
	}
	second := grant.NewSigner("relay2", key)
	f.serve(connect(), signer, second)
	f.nats = connect()
	store := requests.New(f.nats, "test", 1)
	f.Broker = New(Options{Requests: store, Nodes: client, Signer: signer, Audit: func(r audit.Record) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.records = append(f.records, r)
	}, Fleet: fleetOf(map[string][][]string{"node1": {
		{"container_id", "aa11", "task_name", "web", "application_name", "/shop/web"},
		{"container_id", "bb22", "task_name", "pay", "application_name", "/pay"},
		{"container_id", "cc33", "task_name", "bank", "application_name", "/bank"},
	}})})
	o := f.o
	o.Signer, o.Requests = second, requests.New(connect(), "test", 1)
	f.other = New(o)
	return f
}

// serve lets a node answer.
func (f *fixture) serve(conn *nats.Conn, relays ...*grant.Signer) {
	var keys []ed25519.PublicKey
	for _, r := range relays {
		keys = append(keys, r.Public())
	}
	v, err := grant.NewVerifier("node1", "", keys...)
	if err != nil {
		f.Fatal(err)
	}
	verify := func(request []byte) (*sessionrpc.Request, *grant.Grant, error) {
		r, err := sessionrpc.DecodeRequest(request)
		if err != nil {
			return nil, nil, err
		}
		g, err := v.Verify(r.Grant)
		if err != nil {
			return nil, nil, rpc.Errorf(rpc.Denied, "%v", err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.grants = append(f.grants, g)
		return r, g, nil
	}
	stream := func(ctx context.Context, request []byte, s *rpc.Stream) error {
		_, g, err := verify(request)
		if err != nil {
			return err
		}
		if err := s.Send(ctx, wire.AppendStarted(nil, &wire.Start{Session: g.Session})); err != nil {
			return err
		}
		var d wire.Decoder
		for {
			p, err := s.Recv(ctx)
			if err != nil {
				return nil
			}
			d.Feed(p)
			for {
				m, ok, err := d.Next()
				if err != nil {
					return err
				}
				if !ok {
					break
				}
				if m.Type == wire.End {
					return s.Send(ctx, wire.AppendExit(nil, &session.Exit{Code: 7}))
				}
				m.Stream = wire.Stdout
				if err := s.Send(ctx, wire.Append(nil, &m)); err != nil {
					return err
				}
			}
		}
	}
	srv := rpc.NewServer(rpc.ServerOptions{Conn: conn, Cluster: "test", Agent: "node1", Handlers: map[string]rpc.Handler{
		sessionrpc.VerbOpen: stream, sessionrpc.VerbAttach: stream,
		sessionrpc.VerbList: func(ctx context.Context, request []byte, s *rpc.Stream) error {
			if _, _, err := verify(request); err != nil {
				return err
			}
			b, err := json.Marshal(f.infos)
			if err != nil {
				return err
			}
			return s.Send(ctx, b)
		},
		sessionrpc.VerbKill: func(_ context.Context, request []byte, _ *rpc.Stream) error {
			_, _, err := verify(request)
			return err
		},
	}, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(f.Context())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		<-ended
	})
}

func (f *fixture) asker(name string, groups ...string) *broker.Asker {
	f.Helper()
	p, err := auth.NewPrincipal(name, groups, auth.MethodJWT, time.Time{})
	if err != nil {
		f.Fatal(err)
	}
	return &broker.Asker{Principal: p, From: "10.0.0.1:1", Policy: f.policy}
}

func (f *fixture) open(who, container string, c session.Command) (*broker.Opened, error) {
	f.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		o, err := f.Open(f.Context(), f.asker(who), &broker.Request{Container: container, Command: c})
		if !errors.Is(err, rpc.ErrAway) || time.Now().After(end) { // the node has just started
			return o, err
		}
	}
}

func TestOpen(t *testing.T) {
	f := newFixture(t)
	o, err := f.open("sue", "web", session.Command{Args: []string{"sh", "-c", "x"}, User: "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	if !o.Conn.Allowed() {
		t.Error("it is not allowed any more")
	}
	data := wire.Append(nil, &wire.Message{Type: wire.Data, Stream: wire.Stdin, Data: make([]byte, wire.MaxData)})
	for range 10 { // more than fits into one message of NATS, and into the window
		if err := o.Conn.Send(data); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < wire.MaxData; {
			p, err := o.Conn.Next()
			if err != nil {
				t.Fatal(err)
			}
			for len(p) > 0 {
				m, n, err := wire.Parse(p)
				if err != nil || n == 0 {
					t.Fatalf("a part of a message: %d bytes, %v", len(p), err)
				}
				if m.Type == wire.Data {
					got += len(m.Data)
				}
				p = p[n:]
			}
		}
	}
	for _, m := range []wire.Type{wire.Attach, wire.Kill, wire.Status} {
		if err := o.Conn.Send(wire.Append(nil, &wire.Message{Type: m})); !errors.Is(err, broker.ErrBad) {
			t.Errorf("a message of type %d from a client: %v", m, err)
		}
	}
	if err := o.Conn.Send(data[:5]); !errors.Is(err, broker.ErrBad) {
		t.Errorf("a part of a message: %v", err)
	}
	if err := o.Conn.Send(wire.Append(nil, &wire.Message{Type: wire.End})); err != nil {
		t.Fatal(err)
	}
	if p, err := o.Conn.Next(); err != nil || wire.Type(p[0]) != wire.Exit {
		t.Fatalf("%v, %v", p, err)
	}
	if _, err := o.Conn.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	f.rules = policy.AdminOnly()
	if o.Conn.Allowed() {
		t.Error("it is still allowed after the policy changed")
	}
	o.Conn.Close()
	o.Conn.Close()
	g := f.grants[len(f.grants)-1]
	if g.Principal != "sue" || g.Container != (session.Container{ID: "aa11", Started: 1_700_000_000e9}) ||
		!g.Has(session.ExecAs) || g.Has(session.Privileged) || g.Rule != "rule 1 the shop" ||
		g.Tags["application_name"] != "/shop/web" || g.Session != o.Session {
		t.Errorf("the grant is %+v", g)
	}
	two := f.records[len(f.records)-2:] // the node may not have been there at first
	if two[0].Decision != audit.Allowed || two[0].Rule != "rule 1 the shop" || two[1].Who != "sue" ||
		!strings.HasSuffix(two[1].What, "327680 bytes in, 327680 bytes out; the program ended with code 7") {
		t.Errorf("the audit log has %+v", f.records)
	}
}

func TestDenied(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		who, container string
		command        session.Command
		right          session.Right // "": the container does not exist for the asker
	}{
		{"vic", "web", session.Command{Args: []string{"sh"}}, session.Exec},
		{"sue", "pay", session.Command{Args: []string{"sh"}}, ""},
		{"sue", "web", session.Command{Args: []string{"sh"}, User: "root"}, session.ExecAs},
		{"sue", "web", session.Command{Args: []string{"sh"}, Privileged: true}, session.Privileged},
		{"lis", "web", session.Command{Args: []string{"sh"}}, ""},
		{"eve", "web", session.Command{Args: []string{"sh"}}, ""},
	} {
		f.records = nil
		_, err := f.open(c.who, c.container, c.command)
		var denied *broker.DeniedError
		var none *broker.NoContainerError
		if c.right != "" && (!errors.As(err, &denied) || denied.Right != c.right) || c.right == "" && !errors.As(err, &none) {
			t.Errorf("%+v: %v", c, err)
		}
		if len(f.records) != 1 || f.records[0].Decision != audit.Refused || f.records[0].Who != c.who {
			t.Errorf("%+v: the audit log has %+v", c, f.records)
		}
	}
	if len(f.grants) != 0 {
		t.Errorf("grants were signed: %+v", f.grants)
	}
	if o, err := f.open("lis", "pay", session.Command{Args: []string{"ls", "/"}}); err != nil {
		t.Error(err)
	} else {
		o.Conn.Close()
	}
}

// A session is seen by who opened it, and by those whom the policy lets see it.
func TestSessionsOfOthers(t *testing.T) {
	f := newFixture(t)
	mine, hers := session.NewID(), session.NewID()
	ls, in := &session.Command{Args: []string{"ls"}}, session.Container{ID: "aa11", Started: 1}
	f.infos = []sessionrpc.Info{
		{Session: mine, Principal: "lis", Command: ls, Container: in, Tags: map[string]string{"application_name": "/pay"}},
		{Session: hers, Principal: "sue", Command: ls, Container: in,
			Tags: map[string]string{"application_name": "/shop/web"}},
	}
	if o, err := f.open("lis", "pay", *ls); err != nil { // the node answers now
		t.Fatal(err)
	} else {
		o.Conn.Close()
	}
	all, missing, err := f.List(t.Context(), f.asker("lis"))
	if err != nil || len(missing) != 0 || len(all) != 1 || all[0].Session != mine || all[0].Agent != "node1" {
		t.Errorf("%+v, %v, %v", all, missing, err)
	}
	for _, c := range []struct {
		who, id string
		write   bool
		want    error
	}{
		{"lis", mine, true, nil}, {"sue", hers, true, nil}, {"lis", hers, false, broker.ErrNotFound},
		{"sue", mine, false, broker.ErrNotFound}, {"eve", mine, false, broker.ErrNotFound},
	} {
		o, err := f.Attach(t.Context(), f.asker(c.who), "", c.id, &broker.Stream{Write: c.write})
		if !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil {
			o.Conn.Close()
		}
	}
	if err := f.Kill(t.Context(), f.asker("lis"), "node1", hers); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("lis ends sue's session: %v", err)
	}
	if err := f.Kill(t.Context(), f.asker("lis"), "", mine); err != nil {
		t.Errorf("lis ends her session: %v", err)
	}
	if g := f.grants[len(f.grants)-1]; g.Session != mine || !g.Has(session.Kill) || len(g.Rights) != 1 {
		t.Errorf("the grant is %+v", g)
	}
}

// policy returns the policy that is in use.
func (f *fixture) policy() *policy.Policy {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rules
}
