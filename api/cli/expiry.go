package cli

import (
	"fmt"
	"strings"
	"time"
)

// Expiry is how long a series of StatsD stays without a sample, by type.
// Histogram is that of timers and distributions too.
type Expiry struct{ Counter, Gauge, Histogram, Set time.Duration }

// leastExpiry is as fine as the store counts.
const leastExpiry = time.Second

// expiry is a flag of an Expiry.
type expiry struct{ of *Expiry }

func (e expiry) Type() string { return "expiry" }

func (e expiry) String() string {
	c, g, h, s := age(e.of.Counter), age(e.of.Gauge), age(e.of.Histogram), age(e.of.Set)
	if c == g && g == h && h == s {
		return c.String()
	}
	return fmt.Sprintf("counter=%s,gauge=%s,histogram=%s,set=%s", &c, &g, &h, &s)
}

// Set reads a duration for all types, or some of them by name: the others keep
// theirs.
func (e expiry) Set(s string) error {
	to := *e.of
	for part := range strings.SplitSeq(s, ",") {
		name, value, named := strings.Cut(part, "=")
		if !named {
			name, value = "all", part
		}
		var a age
		if err := a.Set(strings.TrimSpace(value)); err != nil || time.Duration(a) < leastExpiry {
			return fmt.Errorf("%q: want a duration of %v or more, such as 1h, or counter=7d,gauge=5m", part, leastExpiry)
		}
		d := time.Duration(a)
		switch strings.TrimSpace(name) {
		case "all":
			to = Expiry{d, d, d, d}
		case "counter":
			to.Counter = d
		case "gauge":
			to.Gauge = d
		case "histogram":
			to.Histogram = d
		case "set":
			to.Set = d
		default:
			return fmt.Errorf("%q is none of counter, gauge, histogram, set", name)
		}
	}
	*e.of = to
	return nil
}
