package metric

// Columns of Interface, one row a network interface of the host, labelled
// device. Append only.
const (
	IfRxBytes = iota
	IfRxPackets
	IfRxErrors
	IfRxDropped
	IfRxFIFO
	IfRxFrame
	IfRxCompressed
	IfRxMulticast
	IfTxBytes
	IfTxPackets
	IfTxErrors
	IfTxDropped
	IfTxFIFO
	IfTxCollisions
	IfTxCarrier
	IfTxCompressed
	IfUp
	IfCarrier
	IfCarrierChanges
	IfCarrierUps
	IfCarrierDowns
	IfMTU
	IfSpeed
	IfTxQueueLen
	IfFlags
	IfIndex
	IfProtocolType
)

func init() {
	register(Interface, "node_network", []Metric{
		IfRxBytes: {Name: "net.rx.bytes", Unit: Bytes, Type: Counter, Source: "/proc/net/dev receive bytes",
			Prom: "node_network_receive_bytes_total", DCOS: "network.in", Help: "Bytes received."},
		IfRxPackets: {Name: "net.rx.packets", Unit: Count, Type: Counter, Source: "/proc/net/dev receive packets",
			Prom: "node_network_receive_packets_total", DCOS: "network.in.packets", Help: "Packets received."},
		IfRxErrors: {Name: "net.rx.errors", Unit: Count, Type: Counter, Source: "/proc/net/dev receive errs",
			Prom: "node_network_receive_errs_total", DCOS: "network.in.errors", Help: "Errors while receiving."},
		IfRxDropped: {Name: "net.rx.dropped", Unit: Count, Type: Counter, Source: "/proc/net/dev receive drop",
			Prom: "node_network_receive_drop_total", DCOS: "network.in.dropped", Help: "Packets dropped while receiving."},
		IfRxFIFO: {Name: "net.rx.fifo", Unit: Count, Type: Counter, Source: "/proc/net/dev receive fifo",
			Prom: "node_network_receive_fifo_total", Help: "Buffer errors while receiving."},
		IfRxFrame: {Name: "net.rx.frame", Unit: Count, Type: Counter, Source: "/proc/net/dev receive frame",
			Prom: "node_network_receive_frame_total", Help: "Framing errors while receiving."},
		IfRxCompressed: {Name: "net.rx.compressed", Unit: Count, Type: Counter, Source: "/proc/net/dev receive compressed",
			Prom: "node_network_receive_compressed_total", Help: "Compressed packets received."},
		IfRxMulticast: {Name: "net.rx.multicast", Unit: Count, Type: Counter, Source: "/proc/net/dev receive multicast",
			Prom: "node_network_receive_multicast_total", Help: "Multicast packets received."},
		IfTxBytes: {Name: "net.tx.bytes", Unit: Bytes, Type: Counter, Source: "/proc/net/dev transmit bytes",
			Prom: "node_network_transmit_bytes_total", DCOS: "network.out", Help: "Bytes sent."},
		IfTxPackets: {Name: "net.tx.packets", Unit: Count, Type: Counter, Source: "/proc/net/dev transmit packets",
			Prom: "node_network_transmit_packets_total", DCOS: "network.out.packets", Help: "Packets sent."},
		IfTxErrors: {Name: "net.tx.errors", Unit: Count, Type: Counter, Source: "/proc/net/dev transmit errs",
			Prom: "node_network_transmit_errs_total", DCOS: "network.out.errors", Help: "Errors while sending."},
		IfTxDropped: {Name: "net.tx.dropped", Unit: Count, Type: Counter, Source: "/proc/net/dev transmit drop",
			Prom: "node_network_transmit_drop_total", DCOS: "network.out.dropped", Help: "Packets dropped while sending."},
		IfTxFIFO: {Name: "net.tx.fifo", Unit: Count, Type: Counter, Source: "/proc/net/dev transmit fifo",
			Prom: "node_network_transmit_fifo_total", Help: "Buffer errors while sending."},
		IfTxCollisions: {Name: "net.tx.collisions", Unit: Count, Type: Counter, Source: "/proc/net/dev transmit colls",
			Prom: "node_network_transmit_colls_total", Help: "Collisions while sending."},
		IfTxCarrier: {Name: "net.tx.carrier", Unit: Count, Type: Counter, Source: "/proc/net/dev transmit carrier",
			Prom: "node_network_transmit_carrier_total", Help: "Carrier losses while sending."},
		IfTxCompressed: {Name: "net.tx.compressed", Unit: Count, Type: Counter, Source: "/proc/net/dev transmit compressed",
			Prom: "node_network_transmit_compressed_total", Help: "Compressed packets sent."},
		IfUp: {Name: "net.up", Unit: Bool, Type: Gauge, Source: "/sys/class/net/<interface>/operstate",
			Prom: "node_network_up", Help: "1 if the operational state is up."},
		IfCarrier: {Name: "net.carrier", Unit: Bool, Type: Gauge, Source: "/sys/class/net/<interface>/carrier",
			Prom: "node_network_carrier", Help: "1 if the link has a carrier."},
		IfCarrierChanges: {Name: "net.carrier_changes", Unit: Count, Type: Counter,
			Source: "/sys/class/net/<interface>/carrier_changes", Prom: "node_network_carrier_changes_total",
			Help: "Times that the carrier came or went."},
		IfCarrierUps: {Name: "net.carrier_ups", Unit: Count, Type: Counter,
			Source: "/sys/class/net/<interface>/carrier_up_count", Prom: "node_network_carrier_up_changes_total",
			Help: "Times that the carrier came."},
		IfCarrierDowns: {Name: "net.carrier_downs", Unit: Count, Type: Counter,
			Source: "/sys/class/net/<interface>/carrier_down_count", Prom: "node_network_carrier_down_changes_total",
			Help: "Times that the carrier went."},
		IfMTU: {Name: "net.mtu", Unit: Bytes, Type: Gauge, Source: "/sys/class/net/<interface>/mtu",
			Prom: "node_network_mtu_bytes", Help: "Largest packet."},
		IfSpeed: {Name: "net.speed", Unit: Bytes, Type: Gauge, Source: "/sys/class/net/<interface>/speed",
			Prom: "node_network_speed_bytes", Help: "Speed of the link, bytes a second."},
		IfTxQueueLen: {Name: "net.tx_queue_len", Unit: Count, Type: Gauge,
			Source: "/sys/class/net/<interface>/tx_queue_len", Prom: "node_network_transmit_queue_length",
			Help: "Length of the transmit queue."},
		IfFlags: {Name: "net.flags", Unit: Count, Type: Gauge, Source: "/sys/class/net/<interface>/flags",
			Prom: "node_network_flags", Help: "Flags of the interface (IFF_*)."},
		IfIndex: {Name: "net.index", Unit: Count, Type: Gauge, Source: "/sys/class/net/<interface>/ifindex",
			Prom: "node_network_iface_id", Help: "Index of the interface."},
		IfProtocolType: {Name: "net.protocol_type", Unit: Count, Type: Gauge, Source: "/sys/class/net/<interface>/type",
			Prom: "node_network_protocol_type", Help: "Hardware type (ARPHRD_*)."},
	})
}
