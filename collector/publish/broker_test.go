package publish

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var quiet = slog.New(slog.DiscardHandler)

// freeAddr is a loopback address that nothing listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// broker is a real server on a fixed address, which can be stopped and started.
type broker struct {
	t     testing.TB
	addr  string
	dir   string
	users []*server.User // the first is the administrator
	srv   *embedded.Server
	js    jetstream.JetStream
	nc    *nats.Conn
}

func newBroker(t testing.TB) *broker {
	b := &broker{t: t, addr: freeAddr(t), dir: t.TempDir()}
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start() *broker {
	b.t.Helper()
	srv, err := embedded.Start(embedded.Options{StoreDir: b.dir, Listen: b.addr, Users: b.users, Log: quiet})
	if err != nil {
		b.t.Fatal(err)
	}
	b.srv = srv
	admin := bus.ConnectOptions{InProcess: srv, Log: quiet}
	if len(b.users) > 0 {
		admin.User, admin.Password = b.users[0].Username, b.users[0].Password
	}
	if b.nc, err = bus.Connect(admin); err != nil {
		b.t.Fatal(err)
	}
	if b.js, err = jetstream.New(b.nc); err != nil {
		b.t.Fatal(err)
	}
	return b
}

func (b *broker) stream() *broker {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := bus.EnsureStream(ctx, b.js, bus.Config{Cluster: "c", MaxBytes: 256 << 20}); err != nil {
		b.t.Fatal(err)
	}
	return b
}

func (b *broker) stop() {
	if b.srv != nil {
		b.nc.Close()
		b.srv.Close()
		b.srv = nil
	}
}

// connect returns a connection to the broker, which may be stopped.
func (b *broker) connect(o bus.ConnectOptions) *nats.Conn {
	b.t.Helper()
	o.URLs, o.Log = "nats://"+b.addr, quiet
	nc, err := bus.Connect(o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	return nc
}

func (b *broker) options() Options {
	return Options{
		Conn: b.connect(
			bus.ConnectOptions{},
		), Cluster: "c", Agent: "node-1", Log: quiet, AckTimeout: 500 * time.Millisecond,
	}
}

func start(t testing.TB, o Options) *Publisher {
	t.Helper()
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(t, p) })
	return p
}

// closeNow closes without waiting for acknowledgements.
func closeNow(t testing.TB, p *Publisher) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}
}

// node makes ticks.
type node struct{ b frame.Batch }

func newNode(boot uint64, containers int) *node {
	n := &node{}
	n.b.Header = frame.Header{Agent: "node-1", Boot: boot, Time: 1_700_000_000e9, Interval: 1e9}
	t := frame.Table{Kind: metric.Container, Gen: 1}
	for i := range containers {
		t.Rows = append(t.Rows, &frame.Row{ID: uint64(i + 1), Key: "/c" + string(rune('a'+i%26))})
		t.Vals = append(t.Vals, make([]int64, t.Width())...)
	}
	n.b.Tables = []frame.Table{t}
	return n
}

func (n *node) tick() *frame.Batch {
	n.b.Seq++
	n.b.Time += n.b.Interval
	t := &n.b.Tables[0]
	for i := range t.Rows {
		t.Row(i)[metric.CPUUsage] += int64(n.b.Seq)*7919 + int64(i)
	}
	return &n.b
}

func publishTicks(t testing.TB, p *Publisher, n *node, ticks int) {
	t.Helper()
	for range ticks {
		if err := p.Publish(n.tick()); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, p *Publisher, ok func(Stats) bool) Stats {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		s := p.Stats()
		if ok(s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after 20 s: %+v", what, s)
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// received reads the whole stream, decodes every frame, and returns the
// sequence numbers of each boot in the order of their first arrival.
func (b *broker) received() map[uint64][]uint64 {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err := b.js.Stream(ctx, bus.FramesStream("c"))
	if err != nil {
		b.t.Fatal(err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		b.t.Fatal(err)
	}
	type id struct {
		boot, seq uint64
		part      uint16
	}
	seen := map[id]bool{}
	seqs := map[uint64][]uint64{}
	dec, keys := frame.NewDecoder(), map[id]*frame.Batch{} // a late frame may be against the last but one
	for range info.State.Msgs {
		m, err := c.Next(jetstream.FetchMaxWait(5 * time.Second))
		if err != nil {
			b.t.Fatal(err)
		}
		h, err := frame.Peek(m.Data())
		if err != nil {
			b.t.Fatal(err)
		}
		if a, ok := bus.FramesAgent(m.Subject()); !ok || a != h.Agent {
			b.t.Fatalf("a frame of %q came on %s", h.Agent, m.Subject())
		}
		key := id{h.Boot, h.Seq, h.Part}
		if seen[key] {
			continue
		}
		seen[key] = true
		dst := new(frame.Batch)
		if err := dec.Decode(m.Data(), keys[id{h.Boot, h.Key, h.Part}], dst); err != nil {
			b.t.Fatalf("boot %d seq %d (key %d): %v", h.Boot, h.Seq, h.Key, err)
		}
		if h.Keyframe() {
			keys[key] = dst
		}
		if h.Part == 0 {
			seqs[h.Boot] = append(seqs[h.Boot], h.Seq)
		}
	}
	return seqs
}

// wantAll checks that ticks first to last of a boot came, in order.
func (b *broker) wantAll(boot, first, last uint64) {
	b.t.Helper()
	got := b.received()[boot]
	if uint64(len(got)) != last-first+1 {
		b.t.Fatalf("%d ticks came, want %d: %v", len(got), last-first+1, got)
	}
	for i, seq := range got {
		if seq != first+uint64(i) {
			b.t.Fatalf("tick %d came at place %d: %v", seq, i, got)
		}
	}
}
