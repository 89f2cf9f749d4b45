package collector

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// progress notes when ticks are completed, for those who ask from other goroutines.
// It goes by the clock that is never set.
type progress struct {
	last atomic.Int64 // when the newest was completed, CLOCK_MONOTONIC in nanoseconds; 0: none was
}

// overdue is how much longer than two intervals it may take from one tick's end to
// the next one's. Tests shorten it.
var overdue = 15 * time.Second

func (p *progress) completed(now time.Duration) { p.last.Store(max(1, int64(now))) }

// any reports whether a tick was completed.
func (p *progress) any() bool { return p.last.Load() != 0 }

// check returns an error unless ticks are completed in time.
func (p *progress) check(interval, now time.Duration) error {
	last := p.last.Load()
	if last == 0 {
		return errors.New("the first tick is still to come")
	}
	if since := now - time.Duration(last); since > 2*interval+overdue {
		return fmt.Errorf("no tick has been completed for %v", since.Round(time.Second))
	}
	return nil
}
