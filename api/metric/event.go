package metric

// Columns of Event, one row an event. Row.Key is the title, Row.Parent the
// container's row, 0 if the sender has none (its origin labels are the row's own
// then, or "cgroup" if that is all that is known). Labels, each only if it was sent: "text", "host", "priority" (normal or
// low), "alert_type" (error, warning, info or success), "source_type",
// "aggregation_key", "tag.<name>" as App has them, and "truncated" ("true") if a
// part was cut. A change of a service check's status has "check" (its name),
// "status" (ok, warning, critical or unknown) and "message" too. Append only.
const (
	EventTime = iota // when it happened: as sent, else when it came
)

func init() {
	register(Event, "daytwo", []Metric{
		EventTime: {Name: "event.time", Unit: Nanoseconds, Source: "statsd", Help: "Unix time at which it happened."},
	})
}
