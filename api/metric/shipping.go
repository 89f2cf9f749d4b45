package metric

// Columns of Shipping, one row: the log entries that the collector ships. Append only.
const (
	ShipRead = iota
	ShipEntries
	ShipJoined
	ShipEvents
	ShipFiltered
	ShipSampledOut
	ShipRateLimited
	ShipRefused
	ShipRedacted
	ShipCut
	ShipStored
	ShipBatches
	ShipBytes
	ShipResent
	ShipErrors
	ShipInFlight
	ShipLag
	ShipPositionAge
	ShipRunning
	ShipRulesRefused
)

func init() {
	leftOut := func(reason string) string { return `daytwo_logs_left_out_total{reason="` + reason + `"}` }
	register(Shipping, "daytwo_logs", []Metric{
		ShipRead: {Name: "read", Type: Counter, Source: "shipping",
			Help: "Log entries that were read to be shipped."},
		ShipEntries: {Name: "entries", Type: Counter, Source: "shipping",
			Help: "Log entries that were put into batches; lines that were joined are one."},
		ShipJoined: {Name: "joined_lines", Type: Counter, Source: "shipping",
			Help: "Lines that were joined to the one before them."},
		ShipEvents: {Name: "events", Type: Counter, Source: "shipping",
			Help: "Events in the logs that were put into batches, which say what is missing."},
		ShipFiltered: {Name: "left_out.filter", Type: Counter, Source: "shipping", Prom: leftOut("filter"),
			Help: "Log entries that were not shipped."},
		ShipSampledOut: {Name: "left_out.sample", Type: Counter, Source: "shipping", Prom: leftOut("sample"),
			Help: "Log entries that were not shipped."},
		ShipRateLimited: {Name: "left_out.rate", Type: Counter, Source: "shipping", Prom: leftOut("rate"),
			Help: "Log entries that were not shipped."},
		ShipRefused: {Name: "left_out.refused", Type: Counter, Source: "shipping", Prom: leftOut("refused"),
			Help: "Log entries that were not shipped."},
		ShipRedacted: {Name: "redacted", Type: Counter, Source: "shipping",
			Help: "Texts in log entries that were replaced by rules."},
		ShipCut: {Name: "cut", Type: Counter, Source: "shipping",
			Help: "Log entries that were cut because no message has room for them."},
		ShipStored: {Name: "stored", Type: Counter, Source: "JetStream",
			Help: "Log entries and events that the stream has stored."},
		ShipBatches: {Name: "batches", Type: Counter, Source: "JetStream", Help: "Batches that the stream has stored."},
		ShipBytes: {Name: "shipped", Unit: Bytes, Type: Counter, Source: "JetStream",
			Help: "Size of these batches, compressed."},
		ShipResent: {Name: "batches_resent", Type: Counter, Source: "shipping",
			Help: "Batches that were sent more than once because their acknowledgement did not come."},
		ShipErrors: {Name: "errors", Type: Counter, Source: "shipping",
			Help: "Failures to read logs, to publish them, or to save the position; each is tried again."},
		ShipInFlight: {Name: "batches_in_flight", Source: "JetStream",
			Help: "Batches that were made and are not acknowledged."},
		ShipLag: {Name: "lag", Unit: Nanoseconds, Source: "shipping",
			Help: "Age of the oldest log entry that was read and is not stored; 0 if there is none."},
		ShipPositionAge: {Name: "position_age", Unit: Nanoseconds, Source: "shipping",
			Help: "How long the saved position has been behind what the stream has stored."},
		ShipRunning: {Name: "shipping", Unit: Bool, Source: "shipping",
			Help: "1 while logs are read to be shipped; 0 while they cannot be read."},
		ShipRulesRefused: {Name: "rules_refused", Unit: Bool, Source: "shipping",
			Help: "1 while the file of shipping rules cannot be read or is invalid, and the rules before it stay."},
	})
}
