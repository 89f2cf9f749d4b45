package series

import (
	"log/slog"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/setting"
)

// Options are the options of a store. The zero value of a field means its default.
type Options struct {
	Workers int          // goroutines that add lines; default 1
	Budget  int          // series per container; default setting.StatsdBudget
	Total   int          // series in all; default setting.StatsdSeries
	Expiry  Expiry       // when series without samples are removed
	Rules   *Rules       // nil for none
	Log     *slog.Logger // default slog.Default()

	// Key returns the key of an origin's row in the ledger. It is never "". The default
	// is the origin's number.
	Key func(origin uint32) string

	// Labels, if set, returns the labels of the rows of an origin without a Container
	// row, sorted by name. It is called while locks are held, and must not call the
	// store.
	Labels func(origin uint32) []frame.Label

	// Named, if set, reports whether an origin is fully known. Events of others wait for
	// one more tick.
	Named func(origin uint32) bool

	// Retired, if set, is called by Flush for each origin of which nothing is left in
	// the store: the number may be reused.
	Retired func(origin uint32)
}

// Expiry is how long a series of each type remains without a sample. The default is
// setting.StatsdExpiry.
type Expiry struct {
	Counter, Gauge, Histogram, Set time.Duration
}

// linger is how long the series of a container remain after its row is gone, so that its
// last values are shown.
const linger = time.Minute

// idle is how long the ledger of an origin without a row remains without a line.
const idle = time.Hour

// overflowName is the name of the series that receives lines above a container's budget.
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

// of returns the expiry of a type, in seconds.
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
