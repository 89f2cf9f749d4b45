package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/rpc"
)

const (
	cluster = "test.cluster"
	agent   = "node one"
)

// pair is a client and a node with a real NATS server between them.
type pair struct {
	*testing.T
	client     *rpc.Client
	server     *rpc.Server
	nodeConn   *nats.Conn
	clientConn *nats.Conn
	stop       func() // ends the node, and waits for that
}

func newPair(t *testing.T, handlers map[string]rpc.Handler, change ...func(*rpc.ServerOptions)) *pair {
	t.Helper()
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
	p := &pair{T: t, nodeConn: connect(), clientConn: connect()}
	if p.client, err = rpc.NewClient(p.clientConn, cluster); err != nil {
		t.Fatal(err)
	}
	o := rpc.ServerOptions{Conn: p.nodeConn, Cluster: cluster, Agent: agent, Handlers: handlers,
		Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
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
	t.Cleanup(func() { p.client.Close() })
	p.wait("the node answers", func() bool {
		_, err := p.client.Call(t.Context(), agent, "nothing", nil, 10)
		return rpc.CodeOf(err) == rpc.Invalid
	})
	return p
}

func (p *pair) wait(what string, ok func() bool) {
	p.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.Fatalf("not within 10 s: %s", what)
		}
	}
}

func (p *pair) open(verb, request string) *rpc.Stream {
	p.Helper()
	s, err := p.client.Open(p.Context(), agent, verb, []byte(request))
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(s.Close)
	return s
}

// echo sends back what comes, the request first.
func echo(ctx context.Context, request []byte, s *rpc.Stream) error {
	if err := s.Send(ctx, request); err != nil {
		return err
	}
	for {
		p, err := s.Recv(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(ctx, p); err != nil {
			return err
		}
	}
}

func TestEcho(t *testing.T) {
	p := newPair(t, map[string]rpc.Handler{"echo": echo})
	s := p.open("echo", "head ")
	want := make([]byte, 3<<20)
	for i := range want {
		want[i] = byte(rand.Uint32())
	}
	go func() {
		if err := s.Send(t.Context(), want); err != nil {
			t.Error(err)
		}
		s.CloseSend(nil)
	}()
	var got []byte
	for {
		b, err := s.Recv(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b...)
	}
	if !bytes.Equal(got, append([]byte("head "), want...)) {
		t.Errorf("%d bytes came back of %d, or others", len(got), len(want)+5)
	}
}

func TestErrorsCross(t *testing.T) {
	p := newPair(t, map[string]rpc.Handler{
		"fails":  func(context.Context, []byte, *rpc.Stream) error { return rpc.Errorf(rpc.NotFound, "no task %q", "x") },
		"panics": func(context.Context, []byte, *rpc.Stream) error { panic("a fault") },
		"large":  func(ctx context.Context, _ []byte, s *rpc.Stream) error { return s.Send(ctx, make([]byte, 1000)) },
	})
	for verb, want := range map[string]rpc.Code{"fails": rpc.NotFound, "panics": rpc.Internal, "unknown": rpc.Invalid,
		"large": rpc.Exhausted} {
		if _, err := p.client.Call(t.Context(), agent, verb, nil, 100); rpc.CodeOf(err) != want {
			t.Errorf("%s: %v, want code %s", verb, err, want)
		}
	}
	if _, err := p.client.Call(t.Context(), agent, "fails", nil, 100); err == nil || err.Error() != `no task "x"` {
		t.Errorf("the node's words became %v", err)
	}
	if got := p.server.Stats().Panics; got != 1 {
		t.Errorf("%d panics are counted, want 1", got)
	}
}

func TestNobodyThere(t *testing.T) {
	p := newPair(t, nil)
	before := time.Now()
	if _, err := p.client.Call(t.Context(), "another", "echo", nil, 10); !errors.Is(err, rpc.ErrAway) {
		t.Errorf("%v, want ErrAway", err)
	}
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("that took %v", took)
	}
}

// A reader that stops stops the writer, and nothing piles up between.
func TestStalledReader(t *testing.T) {
	var sent atomic.Int64
	p := newPair(t, map[string]rpc.Handler{"flood": func(ctx context.Context, _ []byte, s *rpc.Stream) error {
		for {
			if err := s.Send(ctx, make([]byte, 1000)); err != nil {
				return err
			}
			sent.Add(1000)
		}
	}})
	stalled, reading := p.open("flood", ""), p.open("flood", "")
	p.wait("the window is full", func() bool { return sent.Load() >= 2*rpc.Window-2000 })
	time.Sleep(100 * time.Millisecond)
	if n := sent.Load(); n > 2*rpc.Window {
		t.Fatalf("%d bytes were sent to two readers that read nothing: more than their windows", n)
	}
	for n := 0; n < 10<<20; {
		b, err := reading.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(b)
	}
	_ = stalled
}

func TestCancelReachesTheNode(t *testing.T) {
	ended := make(chan time.Time, 2)
	p := newPair(t, map[string]rpc.Handler{"waits": func(ctx context.Context, _ []byte, s *rpc.Stream) error {
		<-ctx.Done()
		ended <- time.Now()
		return ctx.Err()
	}})
	p.open("waits", "").Close() // perhaps before the node has it
	ctx, cancel := context.WithCancel(t.Context())
	s, err := p.client.Open(ctx, agent, "waits", nil)
	if err != nil {
		t.Fatal(err)
	}
	p.wait("both streams are open or over", func() bool { return p.server.Stats().Opened >= 1 })
	time.Sleep(50 * time.Millisecond)
	before := time.Now()
	cancel()
	if _, err := s.Recv(t.Context()); err == nil {
		t.Error("a canceled stream still gives")
	}
	select {
	case at := <-ended:
		if took := at.Sub(before); took > time.Second {
			t.Errorf("the node learned of it after %v", took)
		}
	case <-time.After(5 * time.Second):
		t.Error("the node never learned of it")
	}
	p.wait("no stream is left", func() bool { return p.server.Stats().Streams == 0 })
}

func TestNodeEnds(t *testing.T) {
	p := newPair(t, map[string]rpc.Handler{"waits": func(ctx context.Context, _ []byte, s *rpc.Stream) error {
		<-ctx.Done()
		return ctx.Err()
	}})
	s := p.open("waits", "")
	p.wait("the stream is open", func() bool { return p.server.Stats().Streams == 1 })
	p.stop()
	if _, err := s.Recv(t.Context()); rpc.CodeOf(err) != rpc.Unavailable {
		t.Errorf("%v, want code unavailable: the client may try again", err)
	}
}

// What NATS lost, or somebody forged, ends the stream and makes no gap.
func TestLostMessage(t *testing.T) {
	p := newPair(t, map[string]rpc.Handler{"echo": echo})
	s := p.open("echo", "x")
	if _, err := s.Recv(t.Context()); err != nil {
		t.Fatal(err)
	}
	subjects := make(chan string, 10)
	sub, err := p.nodeConn.Subscribe(bus.ToNode(cluster, agent, "*", "*"), func(m *nats.Msg) { subjects <- m.Subject })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	p.nodeConn.Flush()
	if err := s.Send(t.Context(), []byte("y")); err != nil {
		t.Fatal(err)
	}
	subject := strings.Replace(<-subjects, ".up.", ".down.", 1)
	if err := p.nodeConn.Publish(subject, []byte{1, 50, 'z'}); err != nil { // data at offset 50
		t.Fatal(err)
	}
	for {
		b, err := s.Recv(t.Context())
		if err == nil && string(b) == "y" {
			continue
		}
		if !errors.Is(err, rpc.ErrLost) {
			t.Errorf("%q, %v, want ErrLost", b, err)
		}
		return
	}
}

func TestTooManyStreams(t *testing.T) {
	p := newPair(t, map[string]rpc.Handler{"echo": echo}, func(o *rpc.ServerOptions) { o.MaxStreams = 3 })
	for range 3 {
		if _, err := p.open("echo", "x").Recv(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.open("echo", "x").Recv(t.Context()); rpc.CodeOf(err) != rpc.Exhausted {
		t.Errorf("the fourth of three streams: %v", err)
	}
}

func TestManyStreams(t *testing.T) {
	p := newPair(t, map[string]rpc.Handler{"echo": echo})
	var all sync.WaitGroup
	for i := range 500 {
		all.Go(func() {
			want := strings.Repeat("ab", i)
			got, err := func() (string, error) {
				s, err := p.client.Open(t.Context(), agent, "echo", []byte(want))
				if err != nil {
					return "", err
				}
				defer s.Close()
				s.CloseSend(nil)
				var got []byte
				for {
					b, err := s.Recv(t.Context())
					if err == io.EOF {
						return string(got), nil
					}
					if err != nil {
						return "", err
					}
					got = append(got, b...)
				}
			}()
			if got != want || err != nil {
				t.Errorf("stream %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	all.Wait()
	p.wait("no stream is left", func() bool { return p.server.Stats().Streams == 0 })
}
