package metric

// Columns of LogEvents, one row a kind of event in the streams of log entries that the
// collector answered. Row.Key and the label "kind" name it. Append only.
const (
	LogEventsSent = iota
)

func init() {
	register(LogEvents, "daytwo_collector", []Metric{
		LogEventsSent: {Name: "log_events", Type: Counter, Source: "journald, container log files",
			Help: "Events sent among log entries, by kind: most say that entries are missing."},
	})
}
