package series

import (
	"log/slog"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/setting"
)

// Options of a store. The zero value of a field means its default.
type Options struct {
	Workers int    // goroutines that add lines; default 1
	Budget  int    // series of one container; default setting.StatsdBudget
	Total   int    // series of all; default setting.StatsdSeries
	Expiry  Expiry // when silent series go
	Rules   *Rules // nil for none
	Log     *slog.Logger

	// Key is what the ledger's row of an origin is called, never ""; default:
	// its number.
	Key func(origin uint32) string

	// Labels, if set, are those of the rows of an origin that has no Container row,
	// sorted by name. It is called while locks are held, and must not call back.
	Labels func(origin uint32) []frame.Label

	// Named, if set, reports whether all is known of an origin that will be: the
	// events of others wait for one more tick.
	Named func(origin uint32) bool

	// Retired, if set, is told by Flush which origins have nothing left here: their
	// numbers may be used again.
	Retired func(origin uint32)
}

// Expiry is how long a series of each type stays without a sample; default
// setting.StatsdExpiry.
type Expiry struct {
	Counter, Gauge, Histogram, Set time.Duration
}

// linger is how long the series of a container stay after its row is gone, so
// that its last tick is seen.
const linger = time.Minute

// idle is how long the ledger of an origin without a row stays without a line.
const idle = time.Hour

// overflowName is the series that takes what exceeds a container's budget.
const overflowName = "daytwo.statsd.overflow"

func (o *Options) defaults() {
	for _, p := range []*int{&o.Workers, &o.Budget, &o.Total} {
		if *p < 0 {
			*p = 0
		}
	}
	if o.Workers == 0 {
		o.Workers = 1
	}
	if o.Budget == 0 {
		o.Budget = setting.StatsdBudget
	}
	if o.Total == 0 {
		o.Total = setting.StatsdSeries
	}
	for _, d := range []*time.Duration{&o.Expiry.Counter, &o.Expiry.Gauge, &o.Expiry.Histogram, &o.Expiry.Set} {
		if *d <= 0 {
			*d = setting.StatsdExpiry
		}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

// of is the expiry of a type, in seconds.
func (e *Expiry) of(typ byte) uint32 {
	d := e.Histogram
	switch typ {
	case 'c':
		d = e.Counter
	case 'g', typeCheck:
		d = e.Gauge
	case 's':
		d = e.Set
	}
	return uint32(max(d/time.Second, 1))
}
