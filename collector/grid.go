package collector

import (
	"context"
	"time"
)

// instant is one moment as two clocks show it.
type instant struct {
	wall time.Time     // CLOCK_REALTIME, which can be set
	mono time.Duration // since processStart by CLOCK_MONOTONIC, which is never set
}

var processStart = time.Now()

// readClocks reads both clocks.

func readClocks() instant {
	now := time.Now()
	return instant{wall: now.Round(0), mono: now.Sub(processStart)} // Round strips the monotonic reading
}

// stepSince returns by how much the wall clock advanced more than the monotonic
// clock since before; it is negative if the wall clock was set back.
func (i instant) stepSince(before instant) time.Duration {
	return i.wall.Sub(before.wall) - (i.mono - before.mono)
}

// grid yields the points of the wall clock that are whole multiples of an
// interval, so that all agents read at the same instants. It handles a wall clock
// that is set: it measures how long it slept by the monotonic clock.
type grid struct {
	interval time.Duration
	clocks   func() instant
	sleep    func(context.Context, time.Duration) bool // false if the context ended

	last  time.Time // grid point of the previous tick
	seen  instant   // clocks at the last wake-up
	first bool      // no grid point since the start, or since the clock was set back

	missed uint64 // points that passed while a tick still ran
	steps  uint64 // times the wall clock was set by more than half an interval
}

func newGrid(interval time.Duration) *grid {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &grid{interval: interval, clocks: readClocks, first: true,
		sleep: func(ctx context.Context, d time.Duration) bool {
			timer.Reset(d)
			select {
			case <-ctx.Done():
				timer.Stop()
				return false
			case <-timer.C:
				return true
			}
		}}
}

// next sleeps until the next grid point and returns it; false if ctx ended.
func (g *grid) next(ctx context.Context) (time.Time, bool) {
	for {
		now := g.clocks()
		if g.first {
			g.seen = now
		}
		point := now.wall.Truncate(g.interval).Add(g.interval)
		if ctx.Err() != nil || !g.sleep(ctx, point.Sub(now.wall)) {
			return time.Time{}, false
		}
		woke := g.clocks()
		stepped := woke.stepSince(g.seen).Abs() > g.interval/2
		g.seen = woke
		if stepped {
			g.steps++
			if woke.wall.Before(point) {
				g.first = true // the clock was set back: the point is still in the future
				continue
			}
			point = woke.wall.Truncate(g.interval)
		} else if !g.first {
			if gap := point.Sub(g.last); gap > g.interval {
				g.missed += uint64(gap/g.interval) - 1
			}
		}
		g.first, g.last = false, point
		return point, true
	}
}
