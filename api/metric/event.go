package metric

// Columns of Event, one row per event. Row.Key is the title, Row.Parent the container's
// row. If the sender has no such row, Parent is 0 and the row itself has the origin labels,
// or only "cgroup" if nothing else is known. Labels that are present if they were sent:
// "text", "host", "priority" (normal or low), "alert_type" (error, warning, info or
// success), "source_type", "aggregation_key", and tags as for App; "truncated" is "true" if
// a field was truncated. A change of a service check's status also has "check" (its name),
// "status" (ok, warning, critical or unknown) and "message". Append only.
const (
	EventTime = iota // when it happened, as sent, else the time of arrival
)

func init() {
	register(Event, "daytwo", []Metric{
		EventTime: {Name: "event.time", Unit: Nanoseconds, Source: "statsd", Help: "Unix time at which it happened."},
	})
}
