package metric

// Columns of StatsdListener, one row an address, and one for all ports of
// containers together. Row.Key and the label "listener" are the address as a URL,
// or "ports"; the label "reason" says why one is not heard. Append only.
const (
	ListenerUp = iota // 0: another process has the address
	ListenerPackets
	ListenerBytes
	ListenerShedPackets
	ListenerShedLines
	ListenerKernelDrops
	ListenerRefused
	ListenerBuffer // as the kernel counts: its bookkeeping included
)

func init() {
	register(StatsdListener, "daytwo_statsd_listener", []Metric{
		ListenerUp:          {Name: "up", Unit: Bool, Source: "statsd", Help: "1 if StatsD is heard on the address; 0 if another process has it."},
		ListenerPackets:     {Name: "packets", Type: Counter, Source: "statsd", Help: "Datagrams, or reads of a stream, that were handed on."},
		ListenerBytes:       {Name: "received", Unit: Bytes, Type: Counter, Source: "statsd", Help: "Bytes of those."},
		ListenerShedPackets: {Name: "shed_packets", Type: Counter, Source: "statsd", Help: "Datagrams given up because parsing could not keep up."},
		ListenerShedLines:   {Name: "shed_lines", Type: Counter, Source: "statsd", Help: "Lines of those."},
		ListenerKernelDrops: {Name: "kernel_dropped_packets", Type: Counter, Source: "SO_MEMINFO", Help: "Datagrams that the kernel dropped at the address's sockets."},
		ListenerRefused:     {Name: "refused_connections", Type: Counter, Source: "statsd", Help: "Connections beyond the limit."},
		ListenerBuffer:      {Name: "receive_buffer", Unit: Bytes, Source: "SO_MEMINFO", Help: "Memory that the kernel may hold for one of the address's sockets."},
	})
}
