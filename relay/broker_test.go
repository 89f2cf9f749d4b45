package relay

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const cluster = "test"

var quiet = slog.New(slog.DiscardHandler)

// broker is a NATS server that tests stop and start again.
type broker struct {
	t    testing.TB
	dir  string
	addr string
	srv  *embedded.Server
	conn *nats.Conn
	js   jetstream.JetStream
}

func newBroker(t testing.TB) *broker {
	t.Helper()
	b := &broker{t: t, dir: t.TempDir(), addr: "127.0.0.1:0"}
	b.start()
	b.addr = strings.TrimPrefix(b.srv.URL(), "nats://")
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *broker) start() {
	b.t.Helper()
	var err error
	if b.srv, err = embedded.Start(embedded.Options{StoreDir: b.dir, Listen: b.addr, Log: quiet}); err != nil {
		b.t.Fatal(err)
	}
	if b.conn, err = bus.Connect(bus.ConnectOptions{InProcess: b.srv, Log: quiet}); err != nil {
		b.t.Fatal(err)
	}
	if b.js, err = jetstream.New(b.conn); err != nil {
		b.t.Fatal(err)
	}
	if _, err := bus.EnsureStream(b.t.Context(), b.js, bus.Config{Cluster: cluster}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) stop() {
	if b.srv != nil {
		b.conn.Close()
		b.srv.Close()
		b.srv = nil
	}
}

// publish publishes frames on the subject of an agent.
func (b *broker) publish(agent string, frames ...[]byte) {
	b.t.Helper()
	for _, f := range frames {
		if _, err := b.js.Publish(b.t.Context(), bus.Frames(cluster, agent, setting.Shards), f); err != nil {
			b.t.Fatal(err)
		}
	}
}

// running is a relay whose Run was called; stop ends it.
type running struct {
	*Relay
	t    testing.TB
	stop func()
}

func run(t testing.TB, b *broker, cfg Config) *running {
	t.Helper()
	cfg.Cluster, cfg.Log = cluster, quiet
	cfg.NATS = bus.ConnectOptions{URLs: "nats://" + b.addr, Log: quiet}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return &running{r, t, stop}
}

// wait polls until ok returns true. It fails after 30 seconds.
func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited too long for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// taken waits until the relay has received n messages.
func (r *running) taken(n uint64) {
	r.t.Helper()
	wait(r.t, "frames", func() bool { s := r.Stats().Ingest; return s.Total() >= n })
}

// history returns the times of the root cgroup's cpu.usage in the whole history.
func (r *running) history(agent string) []int64 {
	r.t.Helper()
	s, err := r.History().Query(r.t.Context(), query.Query{
		Agent: agent, Kind: metric.Container, Column: metric.CPUUsage, End: 1 << 62,
		Match: func(_ string, row, _ *frame.Row) bool { return row.Key == "/" },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if len(s) != 1 {
		r.t.Fatalf("%d series", len(s))
	}
	return s[0].Times
}

// complete fails unless the history has exactly n ticks without a gap.
func (r *running) complete(agent string, n int) {
	r.t.Helper()
	times := r.history(agent)
	if len(times) != n {
		r.t.Fatalf("%d ticks, want %d", len(times), n)
	}
	for i := 1; i < n; i++ {
		if times[i]-times[i-1] != 1e9 {
			r.t.Fatalf("from tick %d to the next: %d ns", i, times[i]-times[i-1])
		}
	}
}

func newNode(agent string) *load.Node {
	return load.NewNode(
		load.NodeOptions{Agent: agent, Containers: 10, Boot: 5, KeyEvery: 20, Start: time.Now().UnixNano() / 1e9 * 1e9},
	)
}
