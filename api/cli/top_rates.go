package cli

import (
	"math"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// rates are bytes per second between two samples, NaN if unknown.
type rates struct{ read, written, received, sent float64 }

// totals are the counters of a container at one tick, and the rates until then.
type totals struct {
	time                          time.Time
	created                       int64
	read, written, received, sent *int64
	rates                         rates
}

// counterRates computes rates from the counters of successive samples.
type counterRates struct{ last map[string]totals }

// next returns the rates of containers by key. A container whose tick is the same as
// in the last sample keeps its rates.
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
				t.rates = rates{
					rate(before.read, t.read, s), rate(before.written, t.written, s),
					rate(before.received, t.received, s), rate(before.sent, t.sent, s),
				}
			} else {
				t.rates = before.rates
			}
		}
		now[key], result[key] = t, t.rates
	}
	r.last = now
	return result
}

// rate returns the increase of a counter per second, NaN if it was reset.
func rate(before, after *int64, seconds float64) float64 {
	if before == nil || after == nil || *after < *before {
		return math.NaN()
	}
	return float64(*after-*before) / seconds
}

func containerKey(c *v1.Container) string { return c.AgentID + "\x00" + c.Cgroup }
