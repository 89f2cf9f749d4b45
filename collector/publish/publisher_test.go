package publish

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/lockfile"
	"github.com/nats-io/nats-server/v2/server"
)

func TestHappyPath(t *testing.T) {
	b := newBroker(t).start().stream()
	o := b.options()
	o.SpoolDir = t.TempDir()
	p := start(t, o)
	eventually(t, "connect", p, func(s Stats) bool { return s.Connected })
	n := newNode(1, 20)
	for range 150 {
		publishTicks(t, p, n, 1)
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s := p.Stats()
	if s.Frames != 150 || s.Acked != 150 || s.Keyframes != 3 || s.Dropped+s.Errors+s.Corrupt != 0 || s.InFlight != 0 ||
		s.SpoolDepth != 0 {
		t.Errorf("%+v", s)
	}
	b.wantAll(1, 1, 150)
	if err := p.Publish(n.tick()); !errors.Is(err, ErrClosed) {
		t.Errorf("publishing after Close: %v", err)
	}
}

func TestServerAwayAtStart(t *testing.T) {
	b := newBroker(t)
	o := b.options()
	o.SpoolDir = t.TempDir()
	p := start(t, o)
	n := newNode(1, 20)
	publishTicks(t, p, n, 40)
	s := eventually(t, "spool", p, func(s Stats) bool { return s.Spooled == 40 })
	if s.Dropped != 0 || s.Connected {
		t.Errorf("%+v", s)
	}
	b.start().stream()
	eventually(t, "drain", p, func(s Stats) bool { return s.SpoolDepth == 0 && s.InFlight == 0 })
	publishTicks(t, p, n, 10)
	eventually(t, "live", p, func(s Stats) bool { return s.Acked >= 50 })
	b.wantAll(1, 1, 50)
}

// The stream is made by the relay; a collector may well be earlier.
func TestStreamAwayAtStart(t *testing.T) {
	b := newBroker(t).start()
	o := b.options()
	o.SpoolDir = t.TempDir()
	p := start(t, o)
	eventually(t, "connect", p, func(s Stats) bool { return s.Connected })
	n := newNode(1, 5)
	publishTicks(t, p, n, 30)
	eventually(t, "spool", p, func(s Stats) bool { return s.SpoolDepth == 30 })
	b.stream()
	eventually(t, "drain", p, func(s Stats) bool { return s.SpoolDepth == 0 && s.InFlight == 0 })
	b.wantAll(1, 1, 30)
}

func TestServerRestart(t *testing.T) {
	b := newBroker(t).start().stream()
	o := b.options()
	o.SpoolDir = t.TempDir()
	p := start(t, o)
	eventually(t, "connect", p, func(s Stats) bool { return s.Connected })
	n := newNode(1, 20)
	for i := range 300 {
		switch i {
		case 100:
			b.stop()
		case 200:
			b.start()
		}
		publishTicks(t, p, n, 1)
		time.Sleep(2 * time.Millisecond)
	}
	s := eventually(t, "drain", p, func(s Stats) bool { return s.SpoolDepth == 0 && s.InFlight == 0 && s.Connected })
	if s.Spooled == 0 || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
	// What was in flight when the server failed may come behind its followers:
	// the server stores some of a burst and refuses others. All else is in order.
	got := b.received()[1]
	late, newest := 0, uint64(0)
	for _, seq := range got {
		if seq < newest {
			late++
		}
		newest = max(newest, seq)
	}
	if late > 20 || got[0] != 1 {
		t.Errorf("%d ticks out of order: %v", late, got)
	}
	t.Logf("%d ticks came late", late)
	slices.Sort(got)
	for i, seq := range got {
		if seq != uint64(i+1) {
			t.Fatalf("tick %d is missing", i+1)
		}
	}
}

func TestParts(t *testing.T) {
	b := newBroker(t).start().stream()
	o := b.options()
	o.SpoolDir = t.TempDir()
	o.Frame = frame.EncoderOptions{MaxPayload: 2048, Codec: frame.Raw}
	p := start(t, o)
	n := newNode(1, 2000)
	publishTicks(t, p, n, 2)
	eventually(t, "acks", p, func(s Stats) bool { return s.Frames > 2 && s.Acked >= s.Frames })
	b.wantAll(1, 1, 2)
}

func TestRestartWithSpool(t *testing.T) {
	b := newBroker(t)
	o := b.options()
	o.SpoolDir = t.TempDir()
	first := start(t, o)
	publishTicks(t, first, newNode(1, 20), 25)
	closeNow(t, first)
	if s := first.Stats(); s.Spooled != 25 || s.Dropped != 0 {
		t.Fatalf("%+v", s)
	}
	second := start(t, o)
	publishTicks(t, second, newNode(2, 20), 5)
	b.start().stream()
	eventually(t, "drain", second, func(s Stats) bool { return s.SpoolDepth == 0 && s.InFlight == 0 && s.Acked >= 30 })
	b.wantAll(1, 1, 25)
	b.wantAll(2, 1, 5)
}

func TestOneCollectorASpool(t *testing.T) {
	o := newBroker(t).options()
	o.SpoolDir = t.TempDir()
	start(t, o)
	if _, err := New(o); !errors.Is(err, lockfile.ErrInUse) {
		t.Errorf("a second collector on the same spool: %v", err)
	}
}

// Past its bound the spool loses the oldest, and counts each.
func TestSpoolOverflow(t *testing.T) {
	b := newBroker(t)
	o := b.options()
	o.SpoolDir, o.SpoolMaxBytes = t.TempDir(), 64<<10
	o.Frame.Codec = frame.Raw
	p := start(t, o)
	n := newNode(1, 100)
	const ticks = 1000
	for range ticks {
		publishTicks(t, p, n, 1)
		eventually(t, "queue", p, func(s Stats) bool { return s.Spooled == n.b.Seq })
	}
	s := p.Stats()
	if s.SpoolBytes > o.SpoolMaxBytes || s.Dropped == 0 || s.Dropped+uint64(s.SpoolDepth) != ticks {
		t.Fatalf("%+v", s)
	}
	b.start().stream()
	eventually(t, "drain", p, func(s Stats) bool { return s.SpoolDepth == 0 && s.InFlight == 0 })
	// Every segment starts with a keyframe, so what is left can be decoded.
	b.wantAll(1, s.Dropped+1, ticks)
}

func TestNoSpool(t *testing.T) {
	b := newBroker(t)
	p := start(t, b.options())
	n := newNode(1, 5)
	publishTicks(t, p, n, 10)
	eventually(t, "loss", p, func(s Stats) bool { return s.Dropped == 10 })
	b.start().stream()
	eventually(t, "connect", p, func(s Stats) bool { return s.Connected })
	publishTicks(t, p, n, 10)
	eventually(t, "acks", p, func(s Stats) bool { return s.Acked == 10 })
	b.wantAll(1, 11, 20)
}

// A node's credential is enough to publish as that node, and as no other.
func TestNodeCredential(t *testing.T) {
	b := newBroker(t)
	b.users = []*server.User{
		{Username: "admin", Password: "pw"},
		{Username: "node-1", Password: "pw", Permissions: embedded.NodePermissions("c", "node-1")},
	}
	b.start().stream()
	o := b.options()
	o.Conn = b.connect(bus.ConnectOptions{User: "node-1", Password: "pw", Agent: "node-1"})
	p := start(t, o)
	eventually(t, "connect", p, func(s Stats) bool { return s.Connected })
	n := newNode(1, 5)
	publishTicks(t, p, n, 3)
	eventually(t, "acks", p, func(s Stats) bool { return s.Acked == 3 })

	o.Conn = b.connect(bus.ConnectOptions{User: "node-1", Password: "pw", Agent: "node-1"})
	o.Agent, o.SpoolDir = "node-2", t.TempDir()
	other := start(t, o)
	eventually(t, "connect", other, func(s Stats) bool { return s.Connected })
	publishTicks(t, other, n, 3)
	s := eventually(t, "refusal", other, func(s Stats) bool { return s.Errors > 0 && s.SpoolDepth == 3 })
	if s.Acked != 0 {
		t.Errorf("%+v", s)
	}
	b.wantAll(1, 1, 3)
}

// A burst beyond the window and the queue: nothing blocks, what is lost is
// counted, and what comes can be decoded.
func TestBurst(t *testing.T) {
	b := newBroker(t).start().stream()
	o := b.options()
	o.SpoolDir = t.TempDir()
	p := start(t, o)
	eventually(t, "connect", p, func(s Stats) bool { return s.Connected })
	n := newNode(1, 50)
	publishTicks(t, p, n, 3000)
	eventually(
		t,
		"drain",
		p,
		func(s Stats) bool { return s.SpoolDepth == 0 && s.InFlight == 0 && s.Acked+s.Dropped >= 3000 },
	)
	s := p.Stats()
	got := b.received()[1]
	if uint64(len(got))+s.Dropped != 3000 {
		t.Errorf("%d came of 3000, %+v", len(got), s)
	}
	if !slices.IsSorted(got) {
		t.Error("not in order")
	}
	t.Logf("%+v", s)
}
