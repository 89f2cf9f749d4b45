package sinks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/ingest"
)

const cluster = "test"

var quiet = slog.New(slog.DiscardHandler)

// broker is a real NATS server, which tests stop and start again.
type broker struct {
	t    testing.TB
	dir  string
	addr string
	srv  *embedded.Server
	conn *nats.Conn
	js   jetstream.JetStream
	seq  uint64 // of the last batch
}

func newBroker(t testing.TB) *broker {
	t.Helper()
	b := &broker{t: t, dir: t.TempDir(), addr: "127.0.0.1:0"}
	b.start()
	b.addr = strings.TrimPrefix(b.srv.URL(), "nats://")
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start() {
	b.t.Helper()
	var err error
	if b.srv, err = embedded.Start(embedded.Options{StoreDir: b.dir, Listen: b.addr, Log: quiet}); err != nil {
		b.t.Fatal(err)
	}
	b.conn = b.connect()
	if b.js, err = jetstream.New(b.conn); err != nil {
		b.t.Fatal(err)
	}
	if _, err := bus.EnsureLogsStream(b.t.Context(), b.js, bus.Config{Cluster: cluster}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) connect() *nats.Conn {
	b.t.Helper()
	nc, err := bus.Connect(bus.ConnectOptions{URLs: b.srv.URL(), Log: quiet})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	rig.Eventually(b.t, 20*time.Second, func() error {
		if s := nc.Status(); s != nats.CONNECTED {
			return errors.New(s.String())
		}
		return nil
	})
	return nc
}

func (b *broker) stop() {
	if b.srv != nil {
		b.conn.Close()
		b.srv.Close()
		b.srv = nil
	}
}

// publish publishes one batch of entries.
func (b *broker) publish(entries ...*entry.Entry) { b.publishParts(0, entries...) }

// publishParts is publish in messages of at most so many bytes.
func (b *broker) publishParts(maxMessage int, entries ...*entry.Entry) {
	b.t.Helper()
	b.seq++
	b.publishAs(b.seq, maxMessage, entries...)
}

func (b *broker) publishAs(seq uint64, maxMessage int, entries ...*entry.Entry) {
	b.t.Helper()
	var enc entry.Encoder
	for _, e := range entries {
		if err := enc.Add(e); err != nil {
			b.t.Fatal(err)
		}
	}
	err := enc.Finish(entry.Header{Agent: testlog.Agent, Boot: 7, Seq: seq}, maxMessage, func(m []byte) error {
		_, err := b.js.Publish(context.Background(), bus.Logs(cluster, testlog.Agent, 1), m)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// lines publishes the entries "line FIRST" to "line LAST" in batches of 50.
func (b *broker) lines(first, last int) {
	b.t.Helper()
	for i := first; i <= last; i += 50 {
		var batch []*entry.Entry
		for n := i; n <= last && n < i+50; n++ {
			batch = append(batch, testlog.Entry(n, fmt.Sprint("line ", n)))
		}
		b.publish(batch...)
	}
}

// receive is relay.receiveLogs.
func receive(conn *nats.Conn) Receive {
	return func(ctx context.Context, durable string, from time.Time, handle func(context.Context, Message) error) {
		in := ingest.New(ingest.Options{
			Conn: conn, Stream: bus.Config{Cluster: cluster}, Logs: true, Durable: durable, Start: from, MaxAckPending: 8192,
			Takeover: true, Log: quiet, Handle: func(ctx context.Context, m *ingest.Message) ingest.Verdict {
				m.Hold()
				err := handle(ctx, Message{m.Subject, m.Data, m.Seq, m.Time, m.Release})
				if err == nil {
					return ingest.Stored
				}
				m.Release()
				if errors.Is(err, ErrMalformed) {
					return ingest.Malformed
				}
				return ingest.NotYet
			},
		})
		_ = in.Run(ctx)
	}
}

// running is a manager whose Run was called.
type managed struct {
	*Manager
	t    testing.TB
	path string
	stop func()
	log  *rig.Buffer
}

// manage runs sinks with a configuration. dir is the data directory.
func manage(t testing.TB, b *broker, relay, dir, config string) *managed {
	t.Helper()
	m := &managed{t: t, path: filepath.Join(dir, "sinks.yaml"), log: new(rig.Buffer)}
	m.write(config)
	var err error
	m.Manager, err = New(Options{
		Path: m.path, Conn: b.conn, Cluster: cluster, Relay: relay, DataDir: dir, Receive: receive(b.conn),
		Log: slog.New(slog.NewTextHandler(m.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.Run(ctx)
	}()
	m.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Logf("%s:\n%s", relay, m.log)
		}
	})
	t.Cleanup(m.stop)
	return m
}

func (m *managed) write(config string) {
	m.t.Helper()
	if err := os.WriteFile(m.path, []byte(config), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// sink returns the state of a sink.
func (m *managed) sink(name string) query.Sink {
	m.t.Helper()
	all, _ := m.List(m.t.Context())
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	m.t.Fatalf("there is no sink %s", name)
	return query.Sink{}
}

// until waits until the state of a sink is as wanted.
func (m *managed) until(name string, ok func(query.Sink) bool) query.Sink {
	m.t.Helper()
	rig.Eventually(m.t, 40*time.Second, func() error {
		if s := m.sink(name); !ok(s) {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	return m.sink(name)
}
