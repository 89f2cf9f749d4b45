package cli

import (
	"math"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// rates are bytes a second between two samples; NaN if not known.
type rates struct{ read, written, received, sent float64 }

// totals are the counters that rates come from, of one container at one tick.
type totals struct {
	time                          time.Time
	created                       int64
	read, written, received, sent *int64
	rates                         rates
}

// counterRates remembers each container's counters from sample to sample.
type counterRates struct{ last map[string]totals }

// next replaces what is remembered and returns the rates by key. A container
// whose tick is the same as before keeps its rates.
func (r *counterRates) next(list []v1.Container) map[string]rates {
	now, result := make(map[string]totals, len(list)), make(map[string]rates, len(list))
	for i := range list {
		c := &list[i]
		key := containerKey(c)
		t := totals{time: c.Time, read: c.IORead, written: c.IOWritten, received: c.NetReceived, sent: c.NetSent}
		if c.Created != nil {
			t.created = *c.Created
		}
		nan := math.NaN()
		t.rates = rates{nan, nan, nan, nan}
		if before, ok := r.last[key]; ok && before.created == t.created {
			if s := t.time.Sub(before.time).Seconds(); s > 0 {
				t.rates = rates{rate(before.read, t.read, s), rate(before.written, t.written, s), rate(before.received, t.received, s), rate(before.sent, t.sent, s)}
			} else {
				t.rates = before.rates
			}
		}
		now[key], result[key] = t, t.rates
	}
	r.last = now
	return result
}

func rate(before, after *int64, seconds float64) float64 {
	if before == nil || after == nil || *after < *before {
		return math.NaN()
	}
	return float64(*after-*before) / seconds
}

func containerKey(c *v1.Container) string { return c.AgentID + "\x00" + c.Cgroup }
