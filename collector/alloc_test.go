//go:build !race

package collector

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

// TestTickAllocatesNothing makes whole ticks of a node whose cgroups do not change,
// without publishing them. A test in package publish asserts what publishing allocates.
func TestTickAllocatesNothing(t *testing.T) {
	n, err := New(Config{DataDir: t.TempDir(), NoPublish: true,
		Statsd: Statsd{Listen: []string{"127.0.0.1:0"}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(context.Background())
	at := time.Now().Truncate(time.Second)
	tick := func() {
		at = at.Add(time.Second)
		n.tick(at)
	}
	// Other tests on this machine make and remove cgroups and mounts meanwhile, so the
	// lowest of several results is taken.
	best := 1e9
	for range 20 {
		for range 10 {
			tick()
		}
		if best = min(best, testing.AllocsPerRun(20, tick)); best == 0 {
			return
		}
	}
	t.Errorf("a tick allocates %v times", best)
}
