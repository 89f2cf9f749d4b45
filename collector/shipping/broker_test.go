package shipping

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/entry"
)

var quiet = slog.New(slog.DiscardHandler)

// broker is a real server on a fixed address, which can be stopped and started.
type broker struct {
	t          testing.TB
	addr, dir  string
	users      []*server.User // the first is the administrator
	maxPayload int
	srv        *embedded.Server
	nc         *nats.Conn
	js         jetstream.JetStream
}

func newBroker(t testing.TB) *broker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := &broker{t: t, addr: l.Addr().String(), dir: t.TempDir()}
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start() *broker {
	b.t.Helper()
	srv, err := embedded.Start(embedded.Options{StoreDir: b.dir, Listen: b.addr, Users: b.users, MaxPayload: b.maxPayload,
		Log: quiet})
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
	if _, err := bus.EnsureLogsStream(ctx, b.js, bus.Config{Cluster: "c", MaxBytes: 256 << 20}); err != nil {
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

// connect connects as the node does.
func (b *broker) connect() *nats.Conn {
	b.t.Helper()
	o := bus.ConnectOptions{URLs: b.addr, Agent: "a", Log: quiet}
	if len(b.users) > 1 {
		o.User, o.Password = b.users[1].Username, b.users[1].Password
	}
	nc, err := bus.Connect(o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	return nc
}

// options of a shipper on this broker, quick enough for tests.
func (b *broker) options(s *source) Options {
	return Options{
		Conn: b.connect(), Agent: "a", Stream: bus.Config{Cluster: "c", MaxBytes: 256 << 20}, Logs: s, Dir: b.t.TempDir(),
		Since: 50 * 365 * 24 * time.Hour, Flush: 40 * time.Millisecond, Retry: 20 * time.Millisecond, Log: quiet,
	}
}

// shipper is one that runs.
type shipper struct {
	*Shipper
	t    testing.TB
	end  context.CancelFunc
	done chan struct{}
	once sync.Once
}

func start(t testing.TB, o Options) *shipper {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &shipper{Shipper: s, t: t, end: cancel, done: make(chan struct{})}
	go func() {
		s.Run(ctx)
		close(r.done)
	}()
	t.Cleanup(r.stop)
	return r
}

// stop ends it as the collector does.
func (s *shipper) stop() {
	s.once.Do(func() {
		s.end()
		<-s.done
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			s.t.Logf("close: %v", err)
		}
	})
}

// until waits for a state.
func (s *shipper) until(what string, is func(Stats) bool) {
	s.t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(s.Stats()); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s does not come: %+v", what, s.Stats())
		}
	}
}

// idle waits until n entries and events are stored, and nothing is in flight.
func (s *shipper) stored(n int) {
	s.t.Helper()
	s.until("the end", func(st Stats) bool { return st.Stored >= uint64(n) && st.InFlight == 0 })
}

// shipped is what the stream has: entries and events in order.
type shipped struct {
	entries []entry.Entry
	events  []entry.Event
}

// texts returns the messages of the entries.
func (s *shipped) texts() (all []string) {
	for i := range s.entries {
		m, _ := s.entries[i].Get("MESSAGE")
		all = append(all, string(m))
	}
	return all
}

// everything reads the whole stream.
func (b *broker) everything() *shipped {
	b.t.Helper()
	all := new(shipped)
	b.each(func(rec entry.Record) {
		if rec.Entry != nil {
			all.entries = append(all.entries, *rec.Entry.Clone())
		} else {
			all.events = append(all.events, *rec.Event)
		}
	})
	return all
}

// each calls do with the records of the whole stream, as a relay would read it.
func (b *broker) each(do func(entry.Record)) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	stream, err := b.js.Stream(ctx, bus.LogsStream("c"))
	if err != nil {
		b.t.Fatal(err)
	}
	left := stream.CachedInfo().State.Msgs
	if left == 0 {
		return
	}
	c, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		b.t.Fatal(err)
	}
	messages, err := c.Messages()
	if err != nil {
		b.t.Fatal(err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	var d entry.Decoder
	for ; left > 0; left-- {
		m, err := messages.Next()
		if err != nil {
			b.t.Fatalf("with %d messages left: %v", left, err)
		}
		if !strings.HasSuffix(m.Subject(), ".a") {
			b.t.Fatalf("a batch on %s", m.Subject())
		}
		h, complete, err := d.Decode(m.Data())
		if err != nil || h.Agent != "a" {
			b.t.Fatalf("%+v: %v", h, err)
		}
		for complete {
			rec, ok, err := d.Next()
			if err != nil {
				b.t.Fatal(err)
			}
			if !ok {
				break
			}
			do(rec)
		}
	}
}
