package sessions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
	"github.com/daytwo/daytwo/bench/rig"
	node "github.com/daytwo/daytwo/collector/sessions"
	"github.com/daytwo/daytwo/relay/sessions/recordings"
)

const recordedRules = `
rules:
  - name: recorded
    subjects: user:sue
    record: input
    resources: [dcos:mesos:agent:nested_container_session, dcos:mesos:agent:container,
      dcos:adminrouter:ops:system-metrics]
    actions: full
  - name: not recorded
    subjects: user:ned
    resources: [dcos:mesos:agent:nested_container_session, dcos:adminrouter:ops:system-metrics]
    actions: full
  - name: auditor
    subjects: user:aud
    resources: [daytwo:watch, daytwo:recordings]
    actions: read
`

// world is a real node with a container of runc and a real NATS server, before which relays can be
// started.
type world struct {
	testing.TB
	connect func() *rpc.Client
	rules   *policy.Policy
	sign    func(relay string) *grant.Signer
}

func newWorld(t testing.TB, limits session.Limits) *world {
	t.Helper()
	rig.NeedRoot(t, "sessions")
	quiet := slog.New(slog.DiscardHandler)
	rules, err := policy.Parse([]byte(recordedRules), "p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	container := rig.Runc(t).Run(t, rig.Spec{})
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	key, err := grant.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{TB: t, rules: rules, sign: func(relay string) *grant.Signer { return grant.NewSigner(relay, key) }}
	w.connect = func() *rpc.Client {
		c, err := bus.Connect(bus.ConnectOptions{InProcess: srv, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		client, err := rpc.NewClient(c, "test")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		return client
	}
	here := node.Container{Container: session.Container{ID: "aa11", Started: 1_700_000_000e9}, PID: container.PID}
	m, err := node.New(node.Options{Agent: "node1", Dir: t.TempDir(), Limits: limits, Log: quiet,
		Find: func(_ context.Context, id string) (node.Container, error) {
			if id != here.ID {
				return node.Container{}, node.ErrNoContainer
			}
			return here, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	m.SetKeys(w.sign("any").Public())
	c, err := bus.Connect(bus.ConnectOptions{InProcess: srv, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		s := rpc.NewServer(rpc.ServerOptions{Conn: c, Cluster: "test", Agent: "node1", Handlers: m.Handlers(), Log: quiet})
		ended <- s.Run(ctx)
	}()
	t.Cleanup(func() {
		w.endAll(func() bool { return m.Stats().Sessions == 0 })
		cancel()
		<-ended
		m.Close()
		c.Close()
	})
	return w
}

// endAll ends sessions that wait for a client who was lost.
func (w *world) endAll(ended func() bool) {
	client, signer := w.connect(), w.sign("tests")
	g := grant.Grant{Agent: "node1", Principal: "tests", Rights: []session.Right{session.List, session.Kill}}
	rig.Eventually(w, 20*time.Second, func() error {
		if ended() {
			return nil
		}
		token, err := signer.Sign(g, time.Minute)
		if err != nil {
			return err
		}
		infos, err := sessionrpc.List(context.Background(), client, "node1", token)
		for _, i := range infos {
			of := g
			of.Session = i.Session
			if token, err = signer.Sign(of, time.Minute); err == nil {
				_ = sessionrpc.Kill(context.Background(), client, "node1", token) // it may have ended
			}
		}
		return fmt.Errorf("sessions are left: %v", err)
	})
}

// relay is a relay in a test.
type relay struct {
	*Broker
	w   *world
	dir string
}

// relay starts a relay that keeps recordings in a directory.
func (w *world) relay(id, dir string, change ...func(*recordings.Options)) *relay {
	w.Helper()
	o := recordings.Options{Dir: dir, Relay: id, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	kept, err := recordings.Open(o)
	if err != nil {
		w.Fatal(err)
	}
	r := &relay{w: w, dir: dir}
	r.Broker = New(Options{Nodes: w.connect(), Signer: w.sign(id), Audit: func(audit.Record) {}, Recordings: kept,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Fleet: fleetOf(map[string][][]string{"node1": {
			{"container_id", "aa11", "task_name", "web", "application_name", "/shop/web"}}})})
	w.Cleanup(r.Close)
	rig.Eventually(w, 20*time.Second, func() error {
		_, missing, err := r.List(context.Background(), r.asker("sue"))
		if err == nil && len(missing) > 0 {
			err = errors.New("the node is away")
		}
		return err
	})
	return r
}

func (r *relay) asker(name string) *broker.Asker {
	p, err := auth.NewPrincipal(name, nil, auth.MethodJWT, time.Time{})
	if err != nil {
		r.w.Fatal(err)
	}
	return &broker.Asker{Principal: p, From: "10.0.0.1:1", Policy: func() *policy.Policy { return r.w.rules }}
}

// ends makes a stream of a broker's connection.
type ends struct {
	broker.Conn
	rest []byte
}

func (e *ends) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		b, err := e.Next()
		if err != nil {
			return 0, err
		}
		e.rest = b
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func (e *ends) Write(p []byte) (int, error) { return len(p), e.Send(p) }
func (e *ends) Close() error                { e.Conn.Close(); return nil }

func stream(q sessionclient.Resume, write bool) broker.Stream {
	return broker.Stream{Client: q.Client, Write: write, Out: q.Out}
}

// client returns a client of a new session, and where its id will be.
func (r *relay) client(who string, c session.Command, o sessionclient.Options) (*sessionclient.Session, string) {
	id := session.NewID()
	o.Dial = func(ctx context.Context, q sessionclient.Resume) (sessionclient.Conn, error) {
		var opened *broker.Opened
		var err error
		s := stream(q, true)
		if q.Again {
			opened, err = r.Attach(ctx, r.asker(who), "node1", id, &s)
		} else {
			opened, err = r.Open(ctx, r.asker(who), &broker.Request{Session: id, Container: "web", Command: c, Rows: 24,
				Cols: 80, Stream: s})
		}
		if err != nil {
			return nil, &sessionclient.FinalError{Err: err}
		}
		return &ends{Conn: opened.Conn}, nil
	}
	return sessionclient.New(o), id
}

// attached returns a client of a session that runs.
func (r *relay) attached(who, id string, watch bool, o sessionclient.Options) *sessionclient.Session {
	o.Dial = func(ctx context.Context, q sessionclient.Resume) (sessionclient.Conn, error) {
		s := stream(q, !watch)
		connect := r.Attach
		if watch {
			connect = r.Watch
		}
		opened, err := connect(ctx, r.asker(who), "node1", id, &s)
		if err != nil {
			return nil, &sessionclient.FinalError{Err: err}
		}
		return &ends{Conn: opened.Conn}, nil
	}
	return sessionclient.New(o)
}

// pieces returns the pieces of a session, oldest first, once none is written any more.
func (r *relay) pieces(id string) (list []recording.Info) {
	r.w.Helper()
	rig.Eventually(r.w, 40*time.Second, func() error {
		list, _ = r.o.Recordings.Select(func(i *recording.Info) bool { return i.Session == id }, "", 100)
		for i := range list {
			if list[i].Active {
				return errors.New("it is still written")
			}
		}
		if len(list) == 0 {
			return errors.New("there is no recording")
		}
		return nil
	})
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// open opens a piece.
func (r *relay) open(i recording.Info, identities recording.Identities) *recording.Reader {
	r.w.Helper()
	f, err := r.o.Recordings.OpenFile(&i)
	if err != nil {
		r.w.Fatal(err)
	}
	r.w.Cleanup(func() { f.Close() })
	in, err := recording.Decrypt(f, identities)
	if err != nil {
		r.w.Fatal(err)
	}
	reader, err := recording.NewReader(in)
	if err != nil {
		r.w.Fatal(err)
	}
	return reader
}

// told is what a recording has.
type told struct {
	out, errs, in string
	sizes         []string
	gaps          []string
	code          int
	cut           error
}

func read(t testing.TB, in recording.Events) (all told) {
	t.Helper()
	var out, errs, typed strings.Builder
	all.code = -1
	for {
		e, err := in.Next()
		if err != nil {
			if err != io.EOF {
				all.cut = err
			}
			all.out, all.errs, all.in = out.String(), errs.String(), typed.String()
			return all
		}
		switch e.Kind {
		case recording.Output:
			if e.Stream == wire.Stderr {
				errs.WriteString(e.Text)
			} else {
				out.WriteString(e.Text)
			}
		case recording.Input:
			typed.WriteString(e.Text)
		case recording.Resize:
			all.sizes = append(all.sizes, fmt.Sprintf("%dx%d", e.Cols, e.Rows))
		case recording.Gap:
			all.gaps = append(all.gaps, fmt.Sprintf("%d-%d", e.From, e.To))
		case recording.Exit:
			all.code = e.Code
		}
	}
}

func sh(script string) session.Command {
	return session.Command{Args: []string{"/bin/sh", "-c", script}, Stdin: true}
}
