package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// step is what a tick is doing.
type step int32

const (
	stepTick step = iota // between the others
	stepCgroups
	stepHost
	stepNames
	stepNetworks
	stepRows
	stepSelf
	stepStatsd
	stepPublish
)

var stepTexts = [...]string{"tick", "cgroups", "host", "names", "networks of containers", "rows of containers", "self", "statsd", "publish"}

func (s step) String() string { return stepTexts[s] }

// progress notes how ticks are getting on, for those who ask from other goroutines.
// It goes by the clock that is never set.
type progress struct {
	last  atomic.Int64 // when the newest tick was completed, CLOCK_MONOTONIC in nanoseconds; 0: none was
	began atomic.Int64 // when the one that is being made began, likewise; 0: none is
	step  atomic.Int32 // what it is doing

	counted atomic.Bool // that one is in stalled
	stalled atomic.Uint64
	panics  atomic.Uint64
}

// A tick is stalled after stalledIntervals, and at least after leastStall.
const stalledIntervals = 3

// Tests shorten these.
var (
	// overdue is how much longer than two intervals it may take from one tick's end
	// to the next one's.
	overdue    = 15 * time.Second
	leastStall = 5 * time.Second
)

func (p *progress) begin() {
	p.counted.Store(false)
	p.began.Store(max(1, int64(readClocks().mono)))
}

// end notes that a tick is completed.
func (p *progress) end(log *slog.Logger) {
	now := readClocks().mono
	if took := now - time.Duration(p.began.Swap(0)); p.counted.Load() {
		log.Error("the tick that did not end has ended", "after", took.Round(time.Millisecond))
	}
	p.completed(now)
}

func (p *progress) completed(now time.Duration) { p.last.Store(max(1, int64(now))) }

// enter notes what a tick does from now on, and returns what it did.
func (p *progress) enter(s step) step { return step(p.step.Swap(int32(s))) }

// at returns what a tick is doing.
func (p *progress) at() step { return step(p.step.Load()) }

// any reports whether a tick was completed.
func (p *progress) any() bool { return p.last.Load() != 0 }

// making returns an error that says so while a tick is being made.
func (p *progress) making() error {
	if p.began.Load() == 0 {
		return nil
	}
	return fmt.Errorf("a tick does not end: it is in step %q", p.at())
}

// stall returns an error if the tick that is being made takes too long.
func (p *progress) stall(interval, now time.Duration) error {
	began := p.began.Load()
	if since := now - time.Duration(began); began != 0 && since > max(stalledIntervals*interval, leastStall) {
		return fmt.Errorf("a tick has not ended for %v: it is in step %q", since.Round(time.Second), p.at())
	}
	return nil
}

// check returns an error unless ticks are completed in time.
func (p *progress) check(interval, now time.Duration) error {
	if err := p.stall(interval, now); err != nil {
		return err
	}
	last := p.last.Load()
	if last == 0 {
		return errors.New("the first tick is still to come")
	}
	if since := now - time.Duration(last); since > 2*interval+overdue {
		return fmt.Errorf("no tick has been completed for %v", since.Round(time.Second))
	}
	return nil
}

// watch counts and logs ticks that take too long, each once, until ctx ends.
func (p *progress) watch(ctx context.Context, interval time.Duration, log *slog.Logger) {
	every := time.NewTicker(min(leastStall/10, time.Second))
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if err := p.stall(interval, readClocks().mono); err != nil && !p.counted.Swap(true) {
			p.stalled.Add(1)
			log.Error("ticks are stalled: what is shown is of the last one that ended", "err", err)
		}
	}
}
