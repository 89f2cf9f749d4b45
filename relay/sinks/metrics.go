package sinks

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/daytwo/daytwo/api/query"
)

// WriteMetrics writes the metrics of the sinks in Prometheus' text format 0.0.4.
func (m *Manager) WriteMetrics(w io.Writer) {
	all, refused := m.List(context.Background())
	b := bufio.NewWriter(w)
	defer b.Flush()
	flag := func(on bool) any {
		if on {
			return 1
		}
		return 0
	}
	fmt.Fprintf(b, "# HELP daytwo_relay_sinks_config_ok 1 if the configuration file of sinks is in use as it is.\n"+
		"# TYPE daytwo_relay_sinks_config_ok gauge\ndaytwo_relay_sinks_config_ok %v\n", flag(refused == ""))
	family := func(name, typ, help string, value func(*query.Sink) any) {
		fmt.Fprintf(b, "# HELP daytwo_relay_sink_%s %s\n# TYPE daytwo_relay_sink_%s %s\n", name, help, name, typ)
		for i := range all {
			fmt.Fprintf(b, "daytwo_relay_sink_%s{sink=%q,type=%q} %v\n", name, all[i].Name, all[i].Type, value(&all[i]))
		}
	}
	family("up", "gauge", "1 while this relay runs the sink and its last delivery succeeded.",
		func(s *query.Sink) any { return flag(s.State == "running") })
	family("paused", "gauge", "1 while the sink is paused.", func(s *query.Sink) any { return flag(s.State == "paused") })
	family("received_total", "counter", "Records that the sink received from the stream.",
		func(s *query.Sink) any { return s.Received })
	family("filtered_total", "counter", "Records that the sink's filter left out.",
		func(s *query.Sink) any { return s.Filtered })
	family("entries_total", "counter", "Records that the receiver has confirmed.",
		func(s *query.Sink) any { return s.Delivered })
	family("bytes_total", "counter", "Bytes of those records, before they were encoded.",
		func(s *query.Sink) any { return s.Bytes })
	family("retries_total", "counter", "Times that a record was not taken and is delivered again.",
		func(s *query.Sink) any { return s.Retries })
	family("known_total", "counter", "Records that the receiver said it had already.",
		func(s *query.Sink) any { return s.Known })
	family("duplicates_total", "counter", "Records left out because a collector had sent them before.",
		func(s *query.Sink) any { return s.Duplicates })
	family("cut_total", "counter", "Records that were cut to the size that the receiver takes.",
		func(s *query.Sink) any { return s.Cut })
	family("malformed_total", "counter", "Messages that could not be decoded.",
		func(s *query.Sink) any { return s.Malformed })
	family("dead_letters_lost_total", "counter", "Dead letters that could not be written to disk.",
		func(s *query.Sink) any { return s.DeadLost })
	family("pending_messages", "gauge", "Messages of the stream, of many records each, that are not settled.",
		func(s *query.Sink) any { return s.PendingMessages })
	family("behind_seconds", "gauge", "Age of the oldest message that is not settled.",
		func(s *query.Sink) any { return s.Behind.Seconds() })
	fmt.Fprint(b, "# HELP daytwo_relay_sink_refused_total Records that the receiver refused for good, by reason.\n"+
		"# TYPE daytwo_relay_sink_refused_total counter\n")
	for i := range all {
		for _, reason := range slices.Sorted(maps.Keys(all[i].Refused)) {
			fmt.Fprintf(b, "daytwo_relay_sink_refused_total{sink=%q,type=%q,reason=%q} %d\n",
				all[i].Name, all[i].Type, reason, all[i].Refused[reason])
		}
	}
}
