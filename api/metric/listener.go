package metric

// Columns of StatsdListener, one row per address, and one for all containers' ports
// together. Row.Key and the label "listener" are the address as a URL, or "ports"; the
// label "reason" says why the collector does not listen on it. Append only.
const (
	ListenerUp = iota // 0 if another process uses the address
	ListenerPackets
	ListenerBytes
	ListenerShedPackets
	ListenerShedLines
	ListenerKernelDrops
	ListenerRefused
	ListenerBuffer // as counted by the kernel, which includes its bookkeeping
)

func init() {
	register(StatsdListener, "daytwo_statsd_listener", []Metric{
		ListenerUp: {Name: "up", Unit: Bool, Source: "statsd",
			Help: "1 if the collector listens on the address; 0 if another process uses it."},
		ListenerPackets: {Name: "packets", Type: Counter, Source: "statsd",
			Help: "Datagrams, or reads of a stream, that were passed to the parsers."},
		ListenerBytes: {Name: "received", Unit: Bytes, Type: Counter, Source: "statsd",
			Help: "Bytes of these datagrams and reads."},
		ListenerShedPackets: {Name: "shed_packets", Type: Counter, Source: "statsd",
			Help: "Datagrams dropped because parsing could not keep up."},
		ListenerShedLines: {Name: "shed_lines", Type: Counter, Source: "statsd", Help: "Lines of the dropped datagrams."},
		ListenerKernelDrops: {Name: "kernel_dropped_packets", Type: Counter, Source: "SO_MEMINFO",
			Help: "Datagrams that the kernel dropped at the address's sockets."},
		ListenerRefused: {Name: "refused_connections", Type: Counter, Source: "statsd",
			Help: "Connections beyond the limit."},
		ListenerBuffer: {Name: "receive_buffer", Unit: Bytes, Source: "SO_MEMINFO",
			Help: "Memory that the kernel may hold for one of the address's sockets."},
	})
}
