//go:build !race

package publish

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// allocWait is how long a tick may take, much longer than it does.
const allocWait = 30 * time.Second

// The tick hands over without allocating.
func TestPublishAllocatesNothing(t *testing.T) {
	o := newBroker(t).options()
	p := start(t, o) // NATS away and no spool: the hand-over alone
	n := newNode(1, 500)
	tick := func() {
		publishTicks(t, p, n, 1)
		for end := time.Now().Add(allocWait); p.Stats().Dropped < n.b.Seq; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%d ticks, %+v", n.b.Seq, p.Stats())
			}
		}
	}
	for range 200 {
		tick()
	}
	p.wantKey.Store(false)
	if got := testing.AllocsPerRun(200, tick); got != 0 {
		t.Errorf("%v allocations a tick", got)
	}
}

// Spooling allocates nothing either, but for the files it opens.
func TestSpoolingAllocatesNothing(t *testing.T) {
	o := newBroker(t).options()
	o.SpoolDir = t.TempDir()
	p := start(t, o)
	n := newNode(1, 50)
	tick := func() {
		publishTicks(t, p, n, 1)
		for end := time.Now().Add(allocWait); p.Stats().Spooled < n.b.Seq; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%d ticks, %+v", n.b.Seq, p.Stats())
			}
		}
	}
	for range 200 {
		tick()
	}
	if got := testing.AllocsPerRun(200, tick); got != 0 {
		t.Errorf("%v allocations a tick", got)
	}
}

// A live frame allocates nothing in our code; what nats.go allocates for its
// acknowledgement (the message, its subject, its data) is bounded here.
func TestLiveAllocations(t *testing.T) {
	b := newBroker(t).start().stream()
	p := start(t, b.options())
	eventually(t, "connect", p, func(s Stats) bool { return s.Connected })
	n := newNode(1, 500)
	run := func(ticks int) {
		for range ticks {
			publishTicks(t, p, n, 1)
			for end := time.Now().Add(allocWait); p.Stats().Acked < n.b.Seq; time.Sleep(50 * time.Microsecond) {
				if time.Now().After(end) {
					t.Fatalf("%d ticks, %+v", n.b.Seq, p.Stats())
				}
			}
		}
	}
	run(200)
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1
	before := allocations()
	const ticks = 300
	run(ticks)
	after := allocations()
	ours := after["publish"] + after["frame"] - before["publish"] - before["frame"]
	client := after["nats.go"] - before["nats.go"]
	t.Logf("%d ticks: %d allocations of ours, %.1f a tick of nats.go", ticks, ours, float64(client)/ticks)
	if ours > ticks/10 { // a buffer may grow, or be one more on a busy machine
		t.Errorf("%d allocations of ours in %d ticks", ours, ticks)
	}
	if client > 4*ticks || client == 0 {
		t.Errorf("%d allocations of nats.go in %d ticks", client, ticks)
	}
}

// allocations counts objects by the package of the code that made them.
func allocations() map[string]int64 {
	runtime.GC()
	runtime.GC() // a profile shows what the last but one cycle saw
	records := make([]runtime.MemProfileRecord, 20000)
	n, _ := runtime.MemProfile(records, true)
	count := map[string]int64{}
	for _, r := range records[:n] {
		frames := runtime.CallersFrames(r.Stack())
		for {
			f, more := frames.Next()
			switch {
			case strings.HasSuffix(f.File, "_test.go"):
				count["test"] += r.AllocObjects
			case strings.Contains(f.Function, "/collector/publish."):
				count["publish"] += r.AllocObjects
			case strings.Contains(f.Function, "/api/frame."):
				count["frame"] += r.AllocObjects
			case strings.Contains(f.Function, "/nats-server/"):
				count["nats-server"] += r.AllocObjects
			case strings.Contains(f.Function, "/nats%2ego.") || strings.Contains(f.Function, "/nats.go."):
				count["nats.go"] += r.AllocObjects
			default:
				if more {
					continue
				}
			}
			break
		}
	}
	return count
}
