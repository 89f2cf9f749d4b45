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
	if b.o.Recordings == nil {
		return
	}
	s := b.o.Recordings.Stats()
	fmt.Fprintf(w, `# HELP daytwo_recordings Recordings of sessions that are kept.
# TYPE daytwo_recordings gauge
daytwo_recordings %d
# HELP daytwo_recordings_active Recordings that are written now.
# TYPE daytwo_recordings_active gauge
daytwo_recordings_active %d
# HELP daytwo_recordings_bytes Bytes of the recordings that are kept.
# TYPE daytwo_recordings_bytes gauge
daytwo_recordings_bytes %d
# HELP daytwo_recordings_written_bytes_total Bytes of recordings that were written.
# TYPE daytwo_recordings_written_bytes_total counter
daytwo_recordings_written_bytes_total %d
# HELP daytwo_recordings_deleted_total Recordings that were deleted, as they were too old or too many.
# TYPE daytwo_recordings_deleted_total counter
daytwo_recordings_deleted_total %d
# HELP daytwo_recordings_failed_total Recordings that could not be begun or not be written to their end.
# TYPE daytwo_recordings_failed_total counter
daytwo_recordings_failed_total %d
`, s.Pieces, s.Active, s.Bytes, s.Written, s.Deleted, s.Failed)
}
