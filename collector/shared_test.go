package collector

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// TestTicksBesideReaders makes and publishes ticks while other goroutines read the
// node's tick all the time. All values that a reader sees must be of the same tick. It
// is most useful with the race detector.
func TestTicksBesideReaders(t *testing.T) {
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Listen: ""})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	for _, noBPF := range []bool{false, true} {
		n, err := New(Config{DataDir: t.TempDir(), NoBPF: noBPF, NATS: bus.ConnectOptions{InProcess: srv},
			Statsd: Statsd{Listen: []string{"127.0.0.1:0"}}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		var stop atomic.Bool
		read := make(chan int, 2)
		sum := func(b *frame.Batch) (s int64) {
			for i := range b.Tables {
				for j, v := range b.Tables[i].Vals {
					s += v * int64(j+1)
				}
				for _, r := range b.Tables[i].Rows {
					s += int64(r.ID)
				}
			}
			return s
		}
		for range cap(read) {
			go func() {
				seen := map[int64]bool{}
				for !stop.Load() {
					n.Fleet().View(n.AgentID(), func(b *frame.Batch) {
						first := sum(b)
						time.Sleep(time.Millisecond)
						if sum(b) != first {
							t.Error("a tick moved while it was read")
						}
						if b.Table(metric.Container) == nil {
							t.Error("a tick has no cgroups")
						}
						seen[b.Time] = true
					})
				}
				read <- len(seen)
			}()
		}
		at := time.Now().Truncate(time.Second)
		for range 30 {
			at = at.Add(time.Second)
			n.tick(at)
		}
		stop.Store(true)
		for range cap(read) {
			if ticks := <-read; ticks < 3 {
				t.Errorf("NoBPF %v: %d ticks were seen: the test shows nothing", noBPF, ticks)
			}
		}
		if f := n.pub.Stats().Frames; f != 30 {
			t.Errorf("%d frames of 30 ticks", f)
		}
		if err := n.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}
