package sessions

import (
	"fmt"
	"io"
)

// WriteMetrics writes metrics in Prometheus' text format 0.0.4.
func (b *Broker) WriteMetrics(w io.Writer) {
	fmt.Fprintf(w, `# HELP daytwo_sessions_connections Connections between clients and sessions now.
# TYPE daytwo_sessions_connections gauge
daytwo_sessions_connections %d
# HELP daytwo_sessions_connections_total Connections that were opened.
# TYPE daytwo_sessions_connections_total counter
daytwo_sessions_connections_total %d
# HELP daytwo_sessions_denied_total Requests that the policy denied.
# TYPE daytwo_sessions_denied_total counter
daytwo_sessions_denied_total %d
# HELP daytwo_sessions_requests_waiting Requests of clients here that wait for the approval of another person.
# TYPE daytwo_sessions_requests_waiting gauge
daytwo_sessions_requests_waiting %d
# HELP daytwo_sessions_bytes_total Bytes of messages, to nodes (in) and to clients (out).
# TYPE daytwo_sessions_bytes_total counter
daytwo_sessions_bytes_total{direction="in"} %d
daytwo_sessions_bytes_total{direction="out"} %d
`, b.open.Load(), b.opened.Load(), b.denied.Load(), b.waiting.Load(), b.bytes[0].Load(), b.bytes[1].Load())
}
