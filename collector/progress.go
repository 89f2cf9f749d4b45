package collector

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// step is one step of a tick.
type step int32

const (
	stepTick step = iota // in none of the other steps
	stepCgroups
	stepHost
	stepNames
	stepNetworks
	stepRows
	stepSelf
	stepStatsd
	stepPublish
)

var stepTexts = [...]string{
	"tick", "cgroups", "host", "names", "networks of containers", "rows of containers", "self", "statsd", "publish",
}

func (s step) String() string { return stepTexts[s] }

// progress records when ticks begin and end, so that other goroutines can tell
// whether they stall. All times are instant.mono, in nanoseconds.
type progress struct {
	last  atomic.Int64 // end of the last completed tick; 0 if none has completed
	began atomic.Int64 // start of the current tick; 0 between ticks
	step  atomic.Int32 // step of the current tick

	counted atomic.Bool   // the current tick is counted in stalled
	stalled atomic.Uint64 // ticks that took too long
	panics  atomic.Uint64 // steps that panicked
}

// A tick is stalled once it has taken longer than stalledIntervals intervals and
// longer than leastStall.
const stalledIntervals = 3

// These are variables because tests shorten them.
var (
	// overdue is added to two intervals: if no tick completes for longer than that,
	// the collector is not ready.
	overdue    = 15 * time.Second
	leastStall = 5 * time.Second
)

// begin records that a tick begins.

func (p *progress) begin() {
	p.counted.Store(false)
	p.began.Store(max(1, int64(readClocks().mono)))
}

// end records that the current tick has completed.
func (p *progress) end(log *slog.Logger) {
	now := readClocks().mono
	if took := now - time.Duration(p.began.Swap(0)); p.counted.Load() {
		log.Error("the tick that did not end has ended", "after", took.Round(time.Millisecond))
	}
	p.completed(now)
}

// completed records that a tick completed at the time now.
func (p *progress) completed(now time.Duration) { p.last.Store(max(1, int64(now))) }

// enter records that the current tick enters step s, and returns the previous step.
func (p *progress) enter(s step) step { return step(p.step.Swap(int32(s))) }

// at returns the step of the current tick.
func (p *progress) at() step { return step(p.step.Load()) }

// any reports whether any tick has completed.
func (p *progress) any() bool { return p.last.Load() != 0 }

// making returns an error that names the step if a tick has begun and not ended.
func (p *progress) making() error {
	if p.began.Load() == 0 {
		return nil
	}
	return fmt.Errorf("a tick does not end: it is in step %q", p.at())
}

// stall returns an error if the current tick is stalled at the time now.
func (p *progress) stall(interval, now time.Duration) error {
	began := p.began.Load()
	if since := now - time.Duration(began); began != 0 && since > max(stalledIntervals*interval, leastStall) {
		return fmt.Errorf("a tick has not ended for %v: it is in step %q", since.Round(time.Second), p.at())
	}
	return nil
}

// check returns an error unless ticks complete in time: one has completed, the last
// not too long before now, and the current one is not stalled.
func (p *progress) check(interval, now time.Duration) error {
	if err := p.stall(interval, now); err != nil {
		return err
	}
	last := p.last.Load()
	if last == 0 {
		return query.ErrNoTick
	}
	if since := now - time.Duration(last); since > 2*interval+overdue {
		return fmt.Errorf("no tick has been completed for %v", since.Round(time.Second))
	}
	return nil
}

// watch counts and logs stalled ticks, each once, until ctx ends.
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
