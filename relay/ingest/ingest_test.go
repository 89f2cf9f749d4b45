package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/bench/rig"
)

// broker is a real NATS server with a stream.
type broker struct {
	t    *testing.T
	srv  *embedded.Server
	conn *nats.Conn
	js   jetstream.JetStream
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t}
	var err error
	if b.srv, err = embedded.Start(embedded.Options{
		StoreDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.srv.Close)
	b.conn = b.connect()
	if b.js, err = jetstream.New(b.conn); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.EnsureStream(t.Context(), b.js, bus.Config{Cluster: "c"}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *broker) connect() *nats.Conn {
	b.t.Helper()
	nc, err := bus.Connect(bus.ConnectOptions{InProcess: b.srv, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	return nc
}

// publish publishes the numbers from first to last as messages of an agent.
func (b *broker) publish(agent string, first, last int) {
	b.t.Helper()
	for i := first; i <= last; i++ {
		if _, err := b.js.Publish(b.t.Context(), bus.Frames("c", agent, 1), fmt.Append(nil, i)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// consumer returns what the server knows of the consumer.
func (b *broker) consumer() *jetstream.ConsumerInfo {
	b.t.Helper()
	c, err := b.js.Consumer(b.t.Context(), bus.FramesStream("c"), "test")
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return new(jetstream.ConsumerInfo)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return c.CachedInfo()
}

// recorder is a handler that records the messages that it received.
type recorder struct {
	mu     sync.Mutex
	got    []string
	answer func(m *Message) Verdict // nil = Stored
}

func (r *recorder) handle(_ context.Context, m *Message) Verdict {
	r.mu.Lock()
	r.got = append(r.got, string(m.Data))
	answer := r.answer
	r.mu.Unlock()
	if answer == nil {
		return Stored
	}
	return answer(m)
}

func (r *recorder) set(answer func(m *Message) Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *recorder) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// running is an Ingest whose Run was called.
type running struct {
	*Ingest
	stop func()
}

// run starts an Ingest; stop waits until it has ended.
func run(t *testing.T, o Options) *running {
	t.Helper()
	o.Stream, o.Durable = bus.Config{Cluster: "c"}, "test"
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	in := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run returned %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Run did not return")
		}
	})
	t.Cleanup(stop)
	return &running{in, stop}
}

func stats(in *running) *Stats {
	s := in.Stats()
	return &s
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func numbers(first, last int) (s []string) {
	for i := first; i <= last; i++ {
		s = append(s, fmt.Sprint(i))
	}
	return s
}

// A handler that returns NotYet receives the same message again and no later one;
// neither that message nor any later one is acknowledged.
func TestNotYet(t *testing.T) {
	b := newBroker(t)
	b.publish("a", 1, 5)
	r := &recorder{answer: func(m *Message) Verdict {
		if string(m.Data) == "3" {
			return NotYet
		}
		return Stored
	}}
	in := run(t, Options{Conn: b.connect(), Handle: r.handle})
	eventually(t, "three attempts", func() bool { return in.Stats().NotYet >= 3 })
	b.publish("a", 6, 9)
	if got := strings.Join(slices.Compact(r.seen()), " "); got != "1 2 3" {
		t.Errorf("the handler was given %s", got)
	}
	eventually(t, "two acknowledgements", func() bool { return b.consumer().AckFloor.Stream == 2 })
	if s := stats(in); s.Total() != 2 || s.Frames[Stored] != 2 || s.Unacknowledged < 3 {
		t.Errorf("%+v", s)
	}
	r.set(nil)
	eventually(t, "the rest", func() bool { return b.consumer().AckFloor.Stream == 9 })
	if got := slices.Compact(r.seen()); !slices.Equal(got, numbers(1, 9)) {
		t.Errorf("the handler was given %v", got)
	}
	eventually(t, "nothing left", func() bool { return in.Stats().Unacknowledged == 0 })
}

// The delay grows from attempt to attempt.
func TestNotYetBacksOff(t *testing.T) {
	b := newBroker(t)
	b.publish("a", 1, 1)
	var mu sync.Mutex
	var at []time.Time
	in := run(t, Options{Conn: b.connect(), Handle: func(context.Context, *Message) Verdict {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Now())
		return NotYet
	}})
	eventually(t, "four attempts", func() bool { return in.Stats().NotYet >= 4 })
	mu.Lock()
	defer mu.Unlock()
	for i := range 3 {
		if got, want := at[i+1].Sub(at[i]), minBackoff<<i; got < want {
			t.Errorf("delay %d is %v, less than %v", i+1, got, want)
		}
	}
}

// An Ingest whose handler returns NotYet ends at once, and the next one receives the
// unacknowledged messages, once and in order.
func TestNotYetThenRestart(t *testing.T) {
	b := newBroker(t)
	b.publish("a", 1, 20)
	first := &recorder{answer: func(m *Message) Verdict {
		if string(m.Data) == "11" {
			return NotYet
		}
		return Stored
	}}
	in := run(t, Options{Conn: b.connect(), Handle: first.handle})
	eventually(t, "four attempts", func() bool { return in.Stats().NotYet >= 4 })
	began := time.Now()
	in.stop()
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v to end", took)
	}
	second := &recorder{}
	run(t, Options{Conn: b.connect(), Handle: second.handle})
	eventually(t, "the rest", func() bool { return b.consumer().AckFloor.Stream == 20 })
	if got := second.seen(); !slices.Equal(got, numbers(11, 20)) {
		t.Errorf("after the restart came %v", got)
	}
}

// A handler that takes longer than AckWait receives nothing twice, neither the message
// that it works on nor later ones.
func TestSlowHandler(t *testing.T) {
	b := newBroker(t)
	b.publish("a", 1, 5)
	const ackWait = time.Second
	r := &recorder{}
	r.set(func(m *Message) Verdict {
		if string(m.Data) == "2" {
			time.Sleep(3 * ackWait)
		}
		return Stored
	})
	run(t, Options{Conn: b.connect(), Handle: r.handle, AckWait: ackWait})
	eventually(t, "all", func() bool { return len(r.seen()) >= 5 && b.consumer().AckFloor.Stream == 5 })
	if got := r.seen(); !slices.Equal(got, numbers(1, 5)) {
		t.Errorf("the handler was given %v", got)
	}
}

// A held message is not acknowledged until it is released; later ones are handled
// meanwhile.
func TestHold(t *testing.T) {
	b := newBroker(t)
	b.publish("a", 1, 6)
	var mu sync.Mutex
	var held []*Message
	r := &recorder{answer: func(m *Message) Verdict {
		m.Hold()
		mu.Lock()
		defer mu.Unlock()
		held = append(held, m)
		return Stored
	}}
	in := run(t, Options{Conn: b.connect(), Handle: r.handle})
	eventually(t, "all", func() bool { return stats(in).Total() == 6 })
	time.Sleep(100 * time.Millisecond)
	if c := b.consumer(); c.AckFloor.Stream != 0 || c.NumAckPending != 6 {
		t.Errorf("acknowledged up to %d, %d pending", c.AckFloor.Stream, c.NumAckPending)
	}
	mu.Lock()
	for _, m := range held[:4] {
		m.Release()
	}
	mu.Unlock()
	eventually(t, "four acknowledgements", func() bool { return b.consumer().AckFloor.Stream == 4 })
	in.stop()
	second := &recorder{}
	run(t, Options{Conn: b.connect(), Handle: second.handle})
	eventually(t, "the rest", func() bool { return b.consumer().AckFloor.Stream == 6 })
	if got := second.seen(); !slices.Equal(got, numbers(5, 6)) {
		t.Errorf("after the restart came %v", got)
	}
}

// At most MaxAckPending messages are unacknowledged, however slow the handler is.
func TestUnacknowledgedIsBounded(t *testing.T) {
	b := newBroker(t)
	b.publish("a", 1, 100)
	r := &recorder{answer: func(*Message) Verdict { return NotYet }}
	in := run(t, Options{Conn: b.connect(), Handle: r.handle, MaxAckPending: 8})
	eventually(t, "two attempts", func() bool { return in.Stats().NotYet >= 2 })
	if n := in.Stats().Unacknowledged; n < 1 || n > 8 {
		t.Errorf("%d messages are unacknowledged", n)
	}
	r.set(nil)
	eventually(t, "all", func() bool { return b.consumer().AckFloor.Stream == 100 })
	if got := slices.Compact(r.seen()); !slices.Equal(got, numbers(1, 100)) {
		t.Errorf("the handler was given %v", got)
	}
}

// A consumer with a filter receives only what the filter matches.
func TestSubject(t *testing.T) {
	b := newBroker(t)
	b.publish("a", 1, 3)
	b.publish("b", 4, 6)
	r := &recorder{}
	run(t, Options{Conn: b.connect(), Handle: r.handle, Subject: bus.Frames("c", "b", 1)})
	eventually(t, "three messages", func() bool { return len(r.seen()) >= 3 })
	if got := r.seen(); !slices.Equal(got, numbers(4, 6)) {
		t.Errorf("the handler was given %v", got)
	}
}

// When a handler panics, only that message is dropped. It is counted.
func TestPanic(t *testing.T) {
	b := newBroker(t)
	b.publish("a", 1, 6)
	r := &recorder{answer: func(m *Message) Verdict {
		m.Hold()
		if n := string(m.Data); n == "2" || n == "4" {
			panic("cannot digest " + n)
		}
		m.Release()
		return Stored
	}}
	var log rig.Buffer
	in := run(t, Options{Conn: b.connect(), Handle: r.handle, Log: slog.New(slog.NewTextHandler(&log, nil))})
	eventually(t, "all", func() bool { return b.consumer().AckFloor.Stream == 6 })
	if s := stats(in); s.Frames[Stored] != 4 || s.Frames[Panicked] != 2 || s.Total() != 6 {
		t.Errorf("%+v", s)
	}
	if got := r.seen(); !slices.Equal(got, numbers(1, 6)) {
		t.Errorf("the handler was given %v", got)
	}
	text := log.String()
	for _, want := range []string{
		"level=ERROR", "cannot digest 2", "TestPanic", "ingest_test.go", "subject=daytwo.v1.c.frames.0.a",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the log:\n%s", want, text)
		}
	}
	if n := strings.Count(text, "level=ERROR"); n != 1 {
		t.Errorf("%d panics in a row were logged", n)
	}
}
