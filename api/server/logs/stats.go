package logs

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/daytwo/daytwo/api/entry"
)

// stats counts what an API has answered.
type stats struct {
	streams atomic.Int64 // open now
	opened  atomic.Uint64
	entries atomic.Uint64
	bytes   atomic.Uint64
	slow    atomic.Uint64

	mu     sync.Mutex
	events map[entry.Kind]uint64
}

func (s *stats) event(k entry.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events == nil {
		s.events = map[entry.Kind]uint64{}
	}
	s.events[k]++
}

// kinds are the kinds of events, in the order in which they are shown.
var kinds = []entry.Kind{
	entry.Suppressed, entry.Vacuumed, entry.Gap, entry.SlowReader, entry.NodeAway, entry.Unreadable, entry.Truncated,
	entry.PartialLost, entry.ShipperDrops, entry.NodeBack, entry.Ended, entry.Waiting,
}

// WriteMetrics writes metrics in Prometheus' text format 0.0.4.
func (a *API) WriteMetrics(w io.Writer) {
	one := func(name, typ, help string, v any) {
		fmt.Fprintf(w, "# HELP daytwo_logs_%s %s\n# TYPE daytwo_logs_%s %s\ndaytwo_logs_%s %v\n",
			name, help, name, typ, name, v)
	}
	s := &a.stats
	one("streams", "gauge", "Streams of log entries that are open now.", s.streams.Load())
	one("streams_total", "counter", "Streams of log entries that were opened.", s.opened.Load())
	one("entries_total", "counter", "Log entries sent to clients.", s.entries.Load())
	one("bytes_total", "counter", "Bytes of log entries and events sent to clients, before compression.", s.bytes.Load())
	one("slow_readers_total", "counter", "Streams that ended because the client read too slowly.", s.slow.Load())
	fmt.Fprint(w, "# HELP daytwo_logs_events_total Events in streams of log entries, by kind.\n"+
		"# TYPE daytwo_logs_events_total counter\n")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range kinds {
		fmt.Fprintf(w, "daytwo_logs_events_total{kind=%q} %d\n", k, s.events[k])
	}
}
