package prom

import (
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/metric"
)

// AppName returns the Prometheus name for a name that a task sent, by
// statsd_exporter's rules: what is no letter, digit, "_" or ":" becomes "_", and a
// leading digit is preceded by "_".
func AppName(key string) string {
	name := strings.Map(func(r rune) rune {
		if r == ':' {
			return r
		}
		return sanitiseRune(r)
	}, key)
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// claimedNames are the names of the samples of families that tasks send.
type claimedNames map[string]bool

// claim adds the names of all samples of a family, or none of them if one is taken.
// It reports whether it added them.
func (c claimedNames) claim(name, typ string) bool {
	names := []string{name}
	switch {
	case typ == metric.AppTypeCounter:
		names = append(names, name+Decrements)
	case metric.IsAppHistogram(typ):
		names = append(names, name+"_bucket", name+"_sum", name+"_count")
	}
	for _, n := range names {
		if c[n] || ownMetric(n) {
			return false
		}
	}
	for _, n := range names {
		c[n] = true
	}
	return true
}

// Decrements is the suffix of the name of a counter's decrements.
const Decrements = "_decrements_total"

// ownMetric reports whether a name is that of one of daytwo's own metrics, which no
// task may imitate.
func ownMetric(name string) bool {
	return ownNames()[name] || strings.HasPrefix(name, "daytwo_")
}

var ownNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for i := range families {
		names[families[i].name] = true
		names[strings.TrimSuffix(families[i].name, "_total")] = true // the name in OpenMetrics
	}
	var text strings.Builder
	WriteProcess(&text)
	for line := range strings.Lines(text.String()) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			names[name] = true
		}
	}
	return names
})
