package logstream

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/daytwo/daytwo/api/entry"
)

// counts are those of all streams of a server.
type counts struct {
	open    atomic.Int64
	opened  atomic.Uint64
	entries atomic.Uint64
	bytes   atomic.Uint64
	slow    atomic.Uint64
	failed  atomic.Uint64
	cut     atomic.Uint64

	mu     sync.Mutex
	events map[entry.Kind]uint64
}

func (c *counts) event(k entry.Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.events == nil {
		c.events = map[entry.Kind]uint64{}
	}
	c.events[k]++
}

// Cut counts an entry that was cut for a client that cannot read more.
func (s *Streams) Cut() { s.counts.cut.Add(1) }

// kinds are the kinds of events, in the order in which they are shown.
var kinds = []entry.Kind{
	entry.Suppressed, entry.Vacuumed, entry.Gap, entry.SlowReader, entry.NodeAway, entry.Unreadable, entry.Truncated,
	entry.PartialLost, entry.Dropped, entry.JournaldDied, entry.ShipperDrops, entry.JournaldAway, entry.NodeBack,
	entry.Ended, entry.Waiting,
}

// WriteMetrics writes metrics in Prometheus' text format 0.0.4.
func (s *Streams) WriteMetrics(w io.Writer) {
	one := func(name, typ, help string, v any) {
		fmt.Fprintf(w, "# HELP daytwo_logs_%s %s\n# TYPE daytwo_logs_%s %s\ndaytwo_logs_%s %v\n",
			name, help, name, typ, name, v)
	}
	c := &s.counts
	one("streams", "gauge", "Streams of log entries that are open now.", c.open.Load())
	one("streams_total", "counter", "Streams of log entries that were opened.", c.opened.Load())
	one("entries_total", "counter", "Log entries sent to clients.", c.entries.Load())
	one("bytes_total", "counter", "Bytes of log entries and events sent to clients, before compression.", c.bytes.Load())
	one("slow_readers_total", "counter", "Streams that ended because the client read too slowly.", c.slow.Load())
	one("failed_streams_total", "counter", "Streams that ended because the entries could not be read.", c.failed.Load())
	one("cut_total", "counter", "Log entries that were cut for a client that cannot read more.", c.cut.Load())
	fmt.Fprint(w, "# HELP daytwo_logs_events_total Events in streams of log entries, by kind.\n"+
		"# TYPE daytwo_logs_events_total counter\n")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range kinds {
		fmt.Fprintf(w, "daytwo_logs_events_total{kind=%q} %d\n", k, c.events[k])
	}
}
