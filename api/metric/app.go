package metric

// Columns of App, one row per series: one name, type and set of tags that one container
// sends over StatsD. Row.Key is the name as sent; the labels are "type" (c, g, ms, h, d, s
// or check) and the tags (see TagLabel). Row.Parent is the container's row, 0 if the sender
// is unknown. Histograms and sets are not in columns, but in frame.Table.Histograms and
// Sets; a set has the members of the last complete minute, or of the current one if that
// has more. Append only.
const (
	// AppValue is the sum of the positive values of a counter since the start, the last
	// value of a gauge, the number of distinct members of a set, or the last status of a
	// service check (0 ok, 1 warning, 2 critical, 3 unknown).
	AppValue      = iota
	AppDecrements // counter: sum of the negative values, as a positive number; absent until there is one
	AppSamples    // samples received, not scaled by their sample rates
	AppCount      // histogram: weight of all observations (1/rate each)
	AppSum        // histogram: weighted sum
	AppMin        // histogram: smallest observation of this tick; absent without one
	AppMax        // histogram: greatest observation of this tick; absent without one
	AppUpdated    // time of the last sample (its own timestamp if it has one), in whole seconds, which compress well
)

// Columns of Statsd, the ledger of received lines: received = accepted + all rejected +
// shed. The row of all senders together (Key "") has the Prometheus names given here; that
// of one sender has the same names with container_ instead of daytwo_. Append only.
const (
	StatsdReceived = iota
	StatsdAccepted
	StatsdShed
	StatsdOverflowed
	StatsdEvents
	StatsdServiceChecks
	StatsdSeries
	StatsdPackets
	StatsdBytes
	StatsdKernelDrops
	StatsdTypeConflicts
	StatsdFiltered
	StatsdRejectedEmpty
	StatsdRejectedName
	StatsdRejectedValue
	StatsdRejectedType
	StatsdRejectedRate
	StatsdRejectedTimestamp
	StatsdRejectedTags
	StatsdRejectedTooLong
	StatsdRejectedEvent
	StatsdRejectedServiceCheck
	StatsdRejectedSyntax
	StatsdEventsDropped
	StatsdStatusChanges
	StatsdRejectedPanic
)

func init() {
	register(App, "app", []Metric{
		AppValue: {Name: "app.value", Unit: Float, Source: "statsd",
			Help: "Sum of a counter, last value of a gauge, members of a set, last status of a service check."},
		AppDecrements: {Name: "app.decrements", Unit: Float, Type: Counter, Source: "statsd",
			Help: "Sum of a counter's decrements."},
		AppSamples: {Name: "app.samples", Type: Counter, Source: "statsd", Help: "Samples received."},
		AppCount: {Name: "app.count", Unit: Float, Type: Counter, Source: "statsd",
			Help: "Observations of a histogram, by their sample rates."},
		AppSum:     {Name: "app.sum", Unit: Float, Type: Counter, Source: "statsd", Help: "Sum of the observations."},
		AppMin:     {Name: "app.min", Unit: Float, Source: "statsd", Help: "Least observation of the tick."},
		AppMax:     {Name: "app.max", Unit: Float, Source: "statsd", Help: "Greatest observation of the tick."},
		AppUpdated: {Name: "app.updated", Unit: Nanoseconds, Source: "statsd", Help: "Unix time of the last sample."},
	})
	rejected := func(reason, help string) Metric {
		return Metric{Name: "statsd.rejected." + reason, Type: Counter, Source: "statsd",
			Prom: `daytwo_statsd_rejected_lines_total{reason="` + reason + `"}`, Help: "Lines rejected: " + help}
	}
	register(Statsd, "daytwo", []Metric{
		StatsdReceived: {Name: "statsd.received", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_received_lines_total", Help: "Lines received: accepted, rejected and shed ones."},
		StatsdAccepted: {Name: "statsd.accepted", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_accepted_lines_total", Help: "Lines accepted."},
		StatsdShed: {Name: "statsd.shed", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_shed_lines_total", Help: "Lines dropped because parsing could not keep up."},
		StatsdOverflowed: {Name: "statsd.overflowed", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_overflowed_lines_total",
			Help: "Accepted lines that went into the overflow series: the container was past its budget of series."},
		StatsdEvents: {Name: "statsd.events", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_events_total", Help: "Events accepted."},
		StatsdServiceChecks: {Name: "statsd.service_checks", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_service_checks_total", Help: "Service checks accepted."},
		StatsdSeries: {Name: "statsd.series", Source: "statsd", Prom: "daytwo_statsd_series",
			Help: "Series that exist now."},
		StatsdPackets: {Name: "statsd.packets", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_packets_total", Help: "Datagrams, or reads of a stream."},
		StatsdBytes: {Name: "statsd.bytes", Unit: Bytes, Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_bytes_total", Help: "Bytes received."},
		StatsdKernelDrops: {Name: "statsd.kernel_drops", Type: Counter, Source: "SO_MEMINFO, skb:kfree_skb",
			Prom: "daytwo_statsd_kernel_dropped_packets_total",
			Help: "Datagrams that the kernel dropped before they were read."},
		StatsdTypeConflicts: {Name: "statsd.type_conflicts", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_type_conflicts_total", Help: "Series whose name had another type before."},
		StatsdFiltered: {Name: "statsd.filtered", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_filtered_lines_total", Help: "Accepted lines that a rule dropped."},
		StatsdRejectedEmpty:        rejected("empty", "an empty field that must not be empty."),
		StatsdRejectedName:         rejected("name", "no name."),
		StatsdRejectedValue:        rejected("value", "a value that is not a number, NaN, infinite or too large."),
		StatsdRejectedType:         rejected("type", "no type, or one that the dialect does not know."),
		StatsdRejectedRate:         rejected("rate", "a sample rate that is not a number in (0, 1]."),
		StatsdRejectedTimestamp:    rejected("timestamp", "a T field that is not a positive integer."),
		StatsdRejectedTags:         rejected("tags", "tags of a style or size that is not accepted."),
		StatsdRejectedTooLong:      rejected("too_long", "a line or datagram beyond the limit."),
		StatsdRejectedEvent:        rejected("event", "a malformed event."),
		StatsdRejectedServiceCheck: rejected("service_check", "a malformed service check."),
		StatsdRejectedSyntax:       rejected("syntax", "any other line that the dialect does not allow."),
		StatsdEventsDropped: {Name: "statsd.events_dropped", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_dropped_events_total",
			Help: "Events and changes of status that were dropped: more came in a tick than one has room for."},
		StatsdRejectedPanic: rejected("panic", "a bug in daytwo, which the collector has logged."),
		StatsdStatusChanges: {Name: "statsd.status_changes", Type: Counter, Source: "statsd",
			Prom: "daytwo_statsd_status_changes_total",
			Help: "Changes of a service check's status, the first status of each among them: each is an event."},
	})
}
