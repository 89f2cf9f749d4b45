package collector

import (
	"context"
	"testing"
	"time"
)

// fakeClocks are clocks that advance only when a test advances them and during sleeps.
type fakeClocks struct {
	instant
	during time.Duration // the wall clock is set by this much during the next sleep
}

func (f *fakeClocks) grid(interval time.Duration) *grid {
	return &grid{interval: interval, first: true, clocks: func() instant { return f.instant },
		sleep: func(_ context.Context, d time.Duration) bool {
			f.run(d)
			f.wall, f.during = f.wall.Add(f.during), 0
			return true
		}}
}

func (f *fakeClocks) run(d time.Duration) {
	f.wall, f.mono = f.wall.Add(d), f.mono+d
}

func TestGridFollowsTheWallClock(t *testing.T) {
	const interval = 20 * time.Millisecond
	g := newGrid(interval)
	var last time.Time
	for range 10 {
		p, ok := g.next(context.Background())
		if !ok {
			t.Fatal("ended without a reason")
		}
		if p.UnixNano()%int64(interval) != 0 || !p.After(last) {
			t.Fatalf("%v after %v is not the next point of the grid", p, last)
		}
		if early := time.Until(p); early > 0 {
			t.Fatalf("%v early", early)
		}
		last = p
	}
}

func TestGridEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, ok := newGrid(time.Hour).next(ctx); ok {
		t.Fatal("went on")
	}
}

func TestGridCountsMissedTicks(t *testing.T) {
	origin := time.Unix(1_700_000_000, 300e6)
	f := func(name string, disturb func(*fakeClocks), wantPoint time.Duration, wantMissed, wantSteps uint64) {
		t.Helper()
		c := &fakeClocks{instant: instant{wall: origin}}
		g := c.grid(time.Second)
		if p, _ := g.next(context.Background()); !p.Equal(time.Unix(1_700_000_001, 0)) {
			t.Fatalf("%s: first point %v", name, p)
		}
		disturb(c)
		p, _ := g.next(context.Background())
		if want := time.Unix(1_700_000_001, 0).Add(wantPoint); !p.Equal(want) ||
			g.missed != wantMissed || g.steps != wantSteps {
			t.Fatalf("%s: point %v, want %v; missed %d, want %d; steps %d, want %d",
				name, p, want, g.missed, wantMissed, g.steps, wantSteps)
		}
	}
	f("nothing", func(c *fakeClocks) { c.run(10 * time.Millisecond) }, time.Second, 0, 0)
	f("a slow tick", func(c *fakeClocks) { c.run(3500 * time.Millisecond) }, 4*time.Second, 3, 0)
	f("set forward while the tick ran",
		func(c *fakeClocks) { c.wall = c.wall.Add(time.Hour) }, time.Hour+time.Second, 0, 1)
	f("set back while the tick ran",
		func(c *fakeClocks) { c.wall = c.wall.Add(-time.Hour) }, -time.Hour+time.Second, 0, 1)
	f("set forward in the sleep", func(c *fakeClocks) { c.during = time.Minute }, time.Minute+time.Second, 0, 1)
	f("set back in the sleep", func(c *fakeClocks) { c.during = -time.Minute }, -time.Minute+2*time.Second, 0, 1)
	f("slewed a little", func(c *fakeClocks) { c.wall = c.wall.Add(50 * time.Millisecond) }, time.Second, 0, 0)
}
