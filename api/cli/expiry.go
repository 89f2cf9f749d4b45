package cli

import (
	"fmt"
	"strings"
	"time"
)

// Expiry says how long a StatsD series without samples is kept, by type. Histogram
// is for timers and distributions, too.
type Expiry struct{ Counter, Gauge, Histogram, Set time.Duration }

// minExpiry is the resolution of the store.
const minExpiry = time.Second

// expiry is the value of a flag that takes an Expiry.
type expiry struct{ of *Expiry }

func (e expiry) Type() string { return "expiry" }

func (e expiry) String() string {
	c, g, h, s := age(e.of.Counter), age(e.of.Gauge), age(e.of.Histogram), age(e.of.Set)
	if c == g && g == h && h == s {
		return c.String()
	}
	return fmt.Sprintf("counter=%s,gauge=%s,histogram=%s,set=%s", &c, &g, &h, &s)
}

// Set reads one duration for all types, or one for each named type, which leaves
// the others as they are.
func (e expiry) Set(s string) error {
	to := *e.of
	for part := range strings.SplitSeq(s, ",") {
		name, value, named := strings.Cut(part, "=")
		if !named {
			name, value = "all", part
		}
		var a age
		if err := a.Set(strings.TrimSpace(value)); err != nil || time.Duration(a) < minExpiry {
			return fmt.Errorf("%q: give a duration of %v or more, such as 1h, or counter=7d,gauge=5m", part, minExpiry)
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
			return fmt.Errorf("%q is not a type: give counter, gauge, histogram or set", name)
		}
	}
	*e.of = to
	return nil
}
