package gateway

import (
	"fmt"
	"io"
	"sync/atomic"
)

type counts struct {
	queries atomic.Uint64
	entries atomic.Uint64
	away    atomic.Uint64
	back    atomic.Uint64
	refused atomic.Uint64
	failed  atomic.Uint64
}

// nodeFailed counts and logs an error of a node that answers, but not with what it should.
func (g *Gateway) nodeFailed(agent string, err error) {
	g.counts.failed.Add(1)
	g.o.Log.Warn("a node could not answer a query of its logs", "agent", agent, "err", err)
}

// WriteMetrics writes metrics in Prometheus' text format 0.0.4.
func (g *Gateway) WriteMetrics(w io.Writer) {
	one := func(name, typ, help string, v any) {
		fmt.Fprintf(w, "# HELP daytwo_relay_logs_%s %s\n# TYPE daytwo_relay_logs_%s %s\ndaytwo_relay_logs_%s %v\n",
			name, help, name, typ, name, v)
	}
	c := &g.counts
	one("node_streams", "gauge", "Streams of log entries from nodes that are open now.", g.streams.Load())
	one("queries_total", "counter", "Queries of log entries.", c.queries.Load())
	one("node_entries_total", "counter", "Log entries received from nodes and given to queries.", c.entries.Load())
	one("node_away_total", "counter", "Times that a node went away during a query of logs, or was.", c.away.Load())
	one("node_back_total", "counter", "Times that such a node answered again.", c.back.Load())
	one("refused_total", "counter", "Queries refused because too many streams were open.", c.refused.Load())
	one("node_failures_total", "counter", "Answers of nodes that ended with an error.", c.failed.Load())
}
