package metric

// Columns of App, one row a series: what one container sends under one name,
// type and set of tags. Row.Key is the name as sent; labels are "type" (c, g, ms,
// h, d, s or check) and "tag.<name>" for each tag (values of one name joined with ";", a
// tag without a value has the value "true"). Row.Parent is the container's row, 0
// if the sender is not known. Histograms and sets travel beside the columns
// (frame.Table.Histograms, Sets); a set is that of the last whole minute, or of the
// running one if that has more. Append only.
const (
	AppValue      = iota // counter: sum of the positive parts since the start; gauge: last; set: distinct members of a minute; check: last status, 0 ok, 1 warning, 2 critical, 3 unknown
	AppDecrements        // counter: sum of the negative parts, as a positive number; absent until there is one
	AppSamples           // samples received, not scaled by their rates
	AppCount             // histogram: weight of all observations (1/rate each)
	AppSum               // histogram: weighted sum
	AppMin               // histogram: least observation of this tick; absent without one
	AppMax               // histogram: greatest observation of this tick; absent without one
	AppUpdated           // when the last sample came, or what time it gave itself; whole seconds, for what is finer hardly packs
)

// Columns of Statsd, the loss ledger: received = accepted + all rejected + shed.
// What is counted is lines. The row of all senders together (Key "") has the
// Prometheus names here; one sender's has the same with container_ for daytwo_.
// Append only.
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
		AppValue:      {Name: "app.value", Unit: Float, Source: "statsd", Help: "Sum of a counter, last value of a gauge, members of a set, last status of a service check."},
		AppDecrements: {Name: "app.decrements", Unit: Float, Type: Counter, Source: "statsd", Help: "What a counter was decremented by."},
		AppSamples:    {Name: "app.samples", Type: Counter, Source: "statsd", Help: "Samples received."},
		AppCount:      {Name: "app.count", Unit: Float, Type: Counter, Source: "statsd", Help: "Observations of a histogram, by their sample rates."},
		AppSum:        {Name: "app.sum", Unit: Float, Type: Counter, Source: "statsd", Help: "Sum of the observations."},
		AppMin:        {Name: "app.min", Unit: Float, Source: "statsd", Help: "Least observation of the tick."},
		AppMax:        {Name: "app.max", Unit: Float, Source: "statsd", Help: "Greatest observation of the tick."},
		AppUpdated:    {Name: "app.updated", Unit: Nanoseconds, Source: "statsd", Help: "Unix time of the last sample."},
	})
	rejected := func(reason, help string) Metric {
		return Metric{Name: "statsd.rejected." + reason, Type: Counter, Source: "statsd", Prom: `daytwo_statsd_rejected_lines_total{reason="` + reason + `"}`, Help: "Lines rejected: " + help}
	}
	register(Statsd, "daytwo", []Metric{
		StatsdReceived:             {Name: "statsd.received", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_received_lines_total", Help: "Lines received: accepted, rejected and shed ones."},
		StatsdAccepted:             {Name: "statsd.accepted", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_accepted_lines_total", Help: "Lines accepted."},
		StatsdShed:                 {Name: "statsd.shed", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_shed_lines_total", Help: "Lines given up because parsing could not keep up."},
		StatsdOverflowed:           {Name: "statsd.overflowed", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_overflowed_lines_total", Help: "Accepted lines that went into the overflow series: the container was past its budget of series."},
		StatsdEvents:               {Name: "statsd.events", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_events_total", Help: "Events accepted."},
		StatsdServiceChecks:        {Name: "statsd.service_checks", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_service_checks_total", Help: "Service checks accepted."},
		StatsdSeries:               {Name: "statsd.series", Source: "statsd", Prom: "daytwo_statsd_series", Help: "Series alive."},
		StatsdPackets:              {Name: "statsd.packets", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_packets_total", Help: "Datagrams, or reads of a stream."},
		StatsdBytes:                {Name: "statsd.bytes", Unit: Bytes, Type: Counter, Source: "statsd", Prom: "daytwo_statsd_bytes_total", Help: "Bytes received."},
		StatsdKernelDrops:          {Name: "statsd.kernel_drops", Type: Counter, Source: "SO_MEMINFO, skb:kfree_skb", Prom: "daytwo_statsd_kernel_dropped_packets_total", Help: "Datagrams that the kernel dropped before they were read."},
		StatsdTypeConflicts:        {Name: "statsd.type_conflicts", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_type_conflicts_total", Help: "Series whose name had another type before."},
		StatsdFiltered:             {Name: "statsd.filtered", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_filtered_lines_total", Help: "Accepted lines that a rule dropped."},
		StatsdRejectedEmpty:        rejected("empty", "nothing between the separators that must hold something."),
		StatsdRejectedName:         rejected("name", "no name."),
		StatsdRejectedValue:        rejected("value", "no number, NaN, infinite or too large."),
		StatsdRejectedType:         rejected("type", "no type, or one that the dialect does not know."),
		StatsdRejectedRate:         rejected("rate", "a sample rate that is no number in (0, 1]."),
		StatsdRejectedTimestamp:    rejected("timestamp", "a T field that is no integer of 1 or more."),
		StatsdRejectedTags:         rejected("tags", "tags of a style or size that is not accepted."),
		StatsdRejectedTooLong:      rejected("too_long", "a line or datagram beyond the limit."),
		StatsdRejectedEvent:        rejected("event", "a malformed event."),
		StatsdRejectedServiceCheck: rejected("service_check", "a malformed service check."),
		StatsdRejectedSyntax:       rejected("syntax", "anything else that is no line of the dialect."),
		StatsdEventsDropped:        {Name: "statsd.events_dropped", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_dropped_events_total", Help: "Events and changes of status that are not told: more came in a tick than one has room for."},
		StatsdRejectedPanic:        rejected("panic", "a fault of daytwo's own, which the collector's log tells."),
		StatsdStatusChanges:        {Name: "statsd.status_changes", Type: Counter, Source: "statsd", Prom: "daytwo_statsd_status_changes_total", Help: "Changes of a service check's status, the first status of each among them: each is an event."},
	})
}
