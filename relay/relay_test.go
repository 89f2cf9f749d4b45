package relay

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/relay/ingest"
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
	srv  *bus.Server
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
	if b.srv, err = bus.StartServer(bus.ServerOptions{StoreDir: b.dir, Listen: b.addr, Log: quiet}); err != nil {
		b.t.Fatal(err)
	}
	if b.conn, err = bus.Connect(bus.ConnectOptions{Server: b.srv, Log: quiet}); err != nil {
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

// publish puts frames on the stream, as agent says it is.
func (b *broker) publish(agent string, frames ...[]byte) {
	b.t.Helper()
	for _, f := range frames {
		if _, err := b.js.Publish(b.t.Context(), bus.Frames(cluster, agent, bus.DefaultShards), f); err != nil {
			b.t.Fatal(err)
		}
	}
}

// running is a relay at work.
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

// wait polls until ok, for the test must not guess how long NATS takes.
func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited too long for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (r *running) taken(n uint64) {
	r.t.Helper()
	wait(r.t, "frames", func() bool { s := r.Stats().Ingest; return s.Total() >= n })
}

// history is the times of the root cgroup's cpu.usage in all of history.
func (r *running) history(agent string) []int64 {
	r.t.Helper()
	s, err := r.Fleet().Query(r.t.Context(), server.Query{
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

// complete fails unless history is exactly n ticks that follow one another.
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
	return load.NewNode(load.NodeOptions{Agent: agent, Containers: 10, Boot: 5, KeyEvery: 20, Start: time.Now().UnixNano() / 1e9 * 1e9})
}

func TestEndToEnd(t *testing.T) {
	b := newBroker(t)
	n := newNode("node-1")
	b.publish("node-1", n.Tick()...) // before there is a relay
	r := run(t, b, Config{DataDir: t.TempDir()})
	wait(t, "readiness", func() bool { return r.Ready() == nil })
	for range 30 {
		b.publish("node-1", n.Tick()...)
	}
	r.taken(31)
	r.complete("node-1", 31)
	agents := r.Fleet().Agents()
	if len(agents) != 1 || agents[0].ID != "node-1" || agents[0].Hostname != "host-of-node-1" || agents[0].Seq != 31 ||
		agents[0].Containers != 10 || agents[0].Cgroups != 11 || agents[0].Gaps != 0 || agents[0].Stale {
		t.Fatalf("%+v", agents)
	}
	err := r.Fleet().View("node-1", func(got *frame.Batch) {
		for i := range n.Batch.Tables {
			want := &n.Batch.Tables[i]
			have := got.Table(want.Kind)
			if have == nil || len(have.Rows) != len(want.Rows) {
				t.Fatalf("%v: rows", want.Kind)
			}
			for j, v := range want.Vals {
				if have.Vals[j] != v {
					t.Fatalf("%v: value %d is %d, want %d", want.Kind, j, have.Vals[j], v)
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var m bytes.Buffer
	r.WriteMetrics(&m)
	for _, line := range []string{
		"daytwo_relay_frames_total 31\n", "daytwo_relay_stored_total 31\n", "daytwo_relay_ready 1\n", "daytwo_relay_agents 1\n",
		"daytwo_relay_memory_frames 31\n", "daytwo_relay_disk_frames 31\n", "daytwo_relay_rejects_total{reason=\"checksum\"} 0\n",
	} {
		if !strings.Contains(m.String(), line) {
			t.Errorf("no %q in\n%s", line, m.String())
		}
	}
}

// Two relays, each with all frames; one is restarted while frames flow.
func TestRestart(t *testing.T) {
	b := newBroker(t)
	dir := t.TempDir()
	n := newNode("node-1")
	other := run(t, b, Config{DataDir: t.TempDir()})
	r := run(t, b, Config{DataDir: dir})
	published := 0
	publish := func(ticks int) {
		for range ticks {
			b.publish("node-1", n.Tick()...)
			published++
		}
	}
	for range 3 {
		publish(25)
		r.taken(5)
		r.stop() // somewhere in the middle
		publish(10)
		r = run(t, b, Config{DataDir: dir})
		publish(5)
	}
	wait(t, "all ticks", func() bool { return r.Stats().Ingest.Pending == 0 && len(r.history("node-1")) >= published })
	r.complete("node-1", published)
	s := r.Stats()
	if s.Ingest.Frames[ingest.Orphan] != 0 || s.Recent.Missing != 0 || s.Fleet.Restarts != 0 {
		t.Fatalf("%+v", s)
	}
	other.taken(uint64(published))
	other.complete("node-1", published)
	if d := other.Stats().Ingest.Frames[ingest.Duplicate]; d != 0 {
		t.Fatalf("%d duplicates without a restart", d)
	}
}

// A relay dies with frames in hand that it neither stored nor acknowledged,
// among them a keyframe: after the restart none is missing.
func TestCrash(t *testing.T) {
	b := newBroker(t)
	dir := t.TempDir()
	n := newNode("node-1")
	for range 19 {
		b.publish("node-1", n.Tick()...)
	}
	r := run(t, b, Config{DataDir: dir, ID: "r1"})
	r.taken(19)
	r.stop()
	for range 30 { // the keyframe of tick 21 in it
		b.publish("node-1", n.Tick()...)
	}
	c, err := b.js.Consumer(t.Context(), bus.FramesStream(cluster), "relay_r1")
	if err != nil {
		t.Fatal(err)
	}
	dropped, err := c.Fetch(10)
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for range dropped.Messages() {
		got++
	}
	if got != 10 {
		t.Fatalf("%d frames", got)
	}
	r = run(t, b, Config{DataDir: dir, ID: "r1"})
	r.taken(30)
	r.complete("node-1", 49)
	if s := r.Stats(); s.Ingest.Frames[ingest.Orphan] != 0 || s.Recent.Late != 0 {
		t.Fatalf("%+v", s)
	}
}

// Frames that are none, or lie, are counted by reason and hold nobody up.
func TestPoison(t *testing.T) {
	b := newBroker(t)
	n := newNode("node-1")
	r := run(t, b, Config{})
	first := n.Tick()[0]
	b.publish("node-1", first)
	damaged := bytes.Clone(first)
	damaged[len(damaged)-1] ^= 1
	later := bytes.Clone(first)
	later[3] = 99
	b.publish("node-1", []byte{}, []byte("rubbish"), bytes.Repeat([]byte{0xff}, 100_000), damaged, later, first)
	b.publish("node-2", first) // as somebody else
	odd := newNode("node-1")
	odd.Batch.Interval = 0
	b.publish("node-1", odd.Tick()...)
	if _, err := b.js.Publish(t.Context(), "daytwo.v1."+cluster+".frames.not.where.frames.go", first); err != nil {
		t.Fatal(err)
	}
	b.publish("node-1", n.Tick()...)
	r.taken(11)
	r.complete("node-1", 2)
	s := r.Stats().Ingest
	for v, want := range map[ingest.Verdict]uint64{
		ingest.Stored: 2, ingest.Malformed: 3, ingest.BadChecksum: 1, ingest.Version: 1, ingest.Duplicate: 1,
		ingest.WrongAgent: 1, ingest.BadHeader: 1, ingest.WrongSubject: 1, ingest.Orphan: 0,
	} {
		if s.Frames[v] != want {
			t.Errorf("%v: %d, want %d", v, s.Frames[v], want)
		}
	}
	wait(t, "acknowledgements", func() bool {
		c, err := b.js.Consumer(t.Context(), bus.FramesStream(cluster), "relay_"+r.cfg.ID)
		return err == nil && c.CachedInfo().NumAckPending == 0
	})
}

func TestLostKeyframe(t *testing.T) {
	b := newBroker(t)
	n := newNode("node-1")
	r := run(t, b, Config{})
	for i := 1; i <= 50; i++ {
		f := n.Tick()
		if i != 21 { // a keyframe
			b.publish("node-1", f...)
		}
	}
	r.taken(49)
	s := r.Stats()
	if s.Ingest.Frames[ingest.Orphan] != 19 || s.Recent.Gaps != 1 || len(r.history("node-1")) != 30 {
		t.Fatalf("%+v", s)
	}
	if a := r.Fleet().Agents(); a[0].Gaps != 1 || a[0].Seq != 50 {
		t.Fatalf("%+v", a)
	}
}

// NATS goes away and comes back: not ready meanwhile, nothing lost.
func TestServerAway(t *testing.T) {
	b := newBroker(t)
	n := newNode("node-1")
	r := run(t, b, Config{DataDir: t.TempDir()})
	for range 10 {
		b.publish("node-1", n.Tick()...)
	}
	r.taken(10)
	b.stop()
	wait(t, "unreadiness", func() bool { return r.Ready() != nil })
	b.start()
	for range 10 {
		b.publish("node-1", n.Tick()...)
	}
	wait(t, "readiness", func() bool { return r.Ready() == nil })
	r.taken(20)
	r.complete("node-1", 20)
}

// A relay starts before NATS does, and makes the stream itself.
func TestServerLater(t *testing.T) {
	b := newBroker(t)
	if err := b.js.DeleteStream(t.Context(), bus.FramesStream(cluster)); err != nil {
		t.Fatal(err)
	}
	b.stop()
	r := run(t, b, Config{})
	time.Sleep(100 * time.Millisecond)
	if err := r.Ready(); err == nil {
		t.Fatal("ready without a server")
	}
	b.start()
	n := newNode("node-1")
	b.publish("node-1", n.Tick()...)
	r.taken(1)
	r.complete("node-1", 1)
}

// The consumer is deleted under the relay: it makes another one.
func TestConsumerDeleted(t *testing.T) {
	b := newBroker(t)
	n := newNode("node-1")
	r := run(t, b, Config{DataDir: t.TempDir(), ID: "r1"})
	for range 10 {
		b.publish("node-1", n.Tick()...)
	}
	r.taken(10)
	if err := b.js.DeleteConsumer(t.Context(), bus.FramesStream(cluster), "relay_r1"); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		b.publish("node-1", n.Tick()...)
	}
	r.taken(20)
	wait(t, "all ticks", func() bool { return len(r.history("node-1")) == 20 })
	r.complete("node-1", 20)
}

func TestID(t *testing.T) {
	dir := t.TempDir()
	one := Config{DataDir: dir}
	two := Config{DataDir: dir}
	if err := one.defaults(); err != nil {
		t.Fatal(err)
	}
	if err := two.defaults(); err != nil || one.ID != two.ID {
		t.Fatal(err, one.ID, two.ID)
	}
	for name, c := range map[string]Config{
		"a bad id":            {ID: "a.b"},
		"a file as directory": {DataDir: filepath.Join(dir, "relay-id", "x")},
	} {
		if err := c.defaults(); err == nil {
			t.Error(name)
		}
	}
	if _, err := New(Config{ID: "x", NATS: bus.ConnectOptions{Credentials: filepath.Join(dir, "none")}}); err == nil {
		t.Error("credentials that are not there")
	}
}
