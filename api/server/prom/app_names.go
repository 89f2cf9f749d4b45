package prom

import (
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/metric"
)

// AppName returns the Prometheus name of a StatsD series from its name as sent and its type,
// by statsd_exporter's rules: every character other than letters, digits, "_" and ":" becomes
// "_", and "_" is put before a leading digit and before "daytwo_". A name that a StatsD
// series must not have for another reason gets the type as a suffix.
//
// separators is "" for a name that is exposed as it was sent. For any other name it lists
// what each "_" of the name replaces, in order (metric.AppendEscaped); 0 is a "_" that was
// added. So two series have the same name and separators only if they were sent with the
// same name.
func AppName(sent, typ string) (name, separators string) {
	n, s := make([]byte, 0, len(sent)+16), make([]byte, 0, 16)
	same := true
	if c := sent[:min(len(sent), 1)]; c >= "0" && c <= "9" {
		n, s, same = append(n, '_'), append(s, '0'), false
	}
	for _, r := range sent {
		if r == ':' || sanitiseRune(r) == r && r != '_' {
			n = append(n, byte(r))
			continue
		}
		n, s = append(n, '_'), metric.AppendEscaped(s, string(r))
		same = same && r == '_'
	}
	if strings.HasPrefix(string(n), ownPrefix) {
		n, s, same = append([]byte{'_'}, n...), append([]byte{'0'}, s...), false
	}
	for notForTasks(string(n), typ) {
		n, s, same = append(append(n, '_'), metric.AppTypeName(typ)...), append(s, '0'), false
	}
	if same {
		return string(n), ""
	}
	return string(n), string(s)
}

// notForTasks reports whether a series must not have a name: daytwo has a metric of
// that name, or a histogram would have the name of another one's samples.
func notForTasks(name, typ string) bool {
	switch {
	case ownMetric(name):
		return true
	case typ == metric.AppTypeCounter:
		return ownMetric(name + Decrements)
	case metric.IsAppHistogram(typ):
		for _, end := range histogramEndings {
			if ownMetric(name+end) || strings.HasSuffix(name, end) {
				return true
			}
		}
	}
	return false
}

// histogramEndings are the suffixes of the names of a classic histogram's samples.
var histogramEndings = [...]string{"_bucket", "_sum", "_count"}

// Decrements is the suffix of the name of a counter's decrements.
const Decrements = "_decrements_total"

// ownMetric reports whether a name is that of one of daytwo's own metrics, which a StatsD
// series must not have.
func ownMetric(name string) bool {
	return ownNames()[name] || strings.HasPrefix(name, ownPrefix)
}

// ownPrefix is the prefix of the names of daytwo's metrics that neither cAdvisor nor
// node_exporter has.
const ownPrefix = "daytwo_"

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
