package metric

// Columns of ContainerIO, one row a cgroup and block device. Append only.
const (
	IOReadBytes = iota
	IOWriteBytes
	IOReads
	IOWrites
	IODiscardBytes
	IODiscards
)

// Columns of ContainerHugetlb, one row a cgroup and page size. Append only.
const (
	HugetlbCurrent = iota
	HugetlbMax
	HugetlbPeak
	HugetlbFailures
	HugetlbRsvdCurrent
	HugetlbRsvdMax
)

// Columns of ContainerNet, one row a container and interface. Append only.
const (
	NetRxBytes = iota
	NetRxPackets
	NetRxErrors
	NetRxDropped
	NetTxBytes
	NetTxPackets
	NetTxErrors
	NetTxDropped
)

func init() {
	register(ContainerIO, "container_io", []Metric{
		IOReadBytes: {Name: "io.rbytes", Unit: Bytes, Type: Counter,
			Source: "io.stat rbytes; blkio.throttle.io_service_bytes_recursive Read (v1)",
			Prom:   "container_fs_reads_bytes_total", Help: "Bytes read from the device."},
		IOWriteBytes: {Name: "io.wbytes", Unit: Bytes, Type: Counter,
			Source: "io.stat wbytes; blkio.throttle.io_service_bytes_recursive Write (v1)",
			Prom:   "container_fs_writes_bytes_total", Help: "Bytes written to the device."},
		IOReads: {Name: "io.rios", Unit: Count, Type: Counter,
			Source: "io.stat rios; blkio.throttle.io_serviced_recursive Read (v1)", Prom: "container_fs_reads_total",
			Help: "Reads of the device."},
		IOWrites: {Name: "io.wios", Unit: Count, Type: Counter,
			Source: "io.stat wios; blkio.throttle.io_serviced_recursive Write (v1)", Prom: "container_fs_writes_total",
			Help: "Writes to the device."},
		IODiscardBytes: {Name: "io.dbytes", Unit: Bytes, Type: Counter,
			Source: "io.stat dbytes; blkio.throttle.io_service_bytes_recursive Discard (v1)", Help: "Bytes discarded."},
		IODiscards: {Name: "io.dios", Unit: Count, Type: Counter,
			Source: "io.stat dios; blkio.throttle.io_serviced_recursive Discard (v1)", Help: "Discards."},
	})
	register(ContainerHugetlb, "container_hugetlb", []Metric{
		HugetlbCurrent: {Name: "hugetlb.current", Unit: Bytes, Type: Gauge,
			Source: "hugetlb.<size>.current; usage_in_bytes (v1)", Prom: "container_hugetlb_usage_bytes",
			Help: "Huge pages in use."},
		HugetlbMax: {Name: "hugetlb.max", Unit: Bytes, Type: Gauge, Source: "hugetlb.<size>.max; limit_in_bytes (v1)",
			Prom: "container_hugetlb_limit_bytes", Help: "Limit of huge pages."},
		HugetlbPeak: {Name: "hugetlb.peak", Unit: Bytes, Type: Gauge, Source: "hugetlb.<size>.max_usage_in_bytes (v1)",
			Prom: "container_hugetlb_max_usage_bytes", Help: "Most huge pages ever in use (v1)."},
		HugetlbFailures: {Name: "hugetlb.events.max", Unit: Count, Type: Counter,
			Source: "hugetlb.<size>.events max; failcnt (v1)", Prom: "container_hugetlb_failcnt",
			Help: "Allocations that failed at the limit."},
		HugetlbRsvdCurrent: {Name: "hugetlb.rsvd.current", Unit: Bytes, Type: Gauge, Source: "hugetlb.<size>.rsvd.current",
			Prom: "container_hugetlb_rsvd_usage_bytes", Help: "Huge pages reserved."},
		HugetlbRsvdMax: {Name: "hugetlb.rsvd.max", Unit: Bytes, Type: Gauge, Source: "hugetlb.<size>.rsvd.max",
			Prom: "container_hugetlb_rsvd_limit_bytes", Help: "Limit of reserved huge pages."},
	})
	register(ContainerNet, "container_network", []Metric{
		NetRxBytes: {Name: "net.rx.bytes", Unit: Bytes, Type: Counter, Source: "/proc/<pid>/net/dev",
			Prom: "container_network_receive_bytes_total", DCOS: "net.rx.bytes net.rx_bytes", Help: "Bytes received."},
		NetRxPackets: {Name: "net.rx.packets", Unit: Count, Type: Counter, Source: "/proc/<pid>/net/dev",
			Prom: "container_network_receive_packets_total", DCOS: "net.rx.packets net.rx_packets", Help: "Packets received."},
		NetRxErrors: {Name: "net.rx.errors", Unit: Count, Type: Counter, Source: "/proc/<pid>/net/dev",
			Prom: "container_network_receive_errors_total", DCOS: "net.rx.errors net.rx_errors", Help: "Receive errors."},
		NetRxDropped: {Name: "net.rx.dropped", Unit: Count, Type: Counter, Source: "/proc/<pid>/net/dev",
			Prom: "container_network_receive_packets_dropped_total", DCOS: "net.rx.dropped net.rx_dropped",
			Help: "Received packets dropped."},
		NetTxBytes: {Name: "net.tx.bytes", Unit: Bytes, Type: Counter, Source: "/proc/<pid>/net/dev",
			Prom: "container_network_transmit_bytes_total", DCOS: "net.tx.bytes net.tx_bytes", Help: "Bytes sent."},
		NetTxPackets: {Name: "net.tx.packets", Unit: Count, Type: Counter, Source: "/proc/<pid>/net/dev",
			Prom: "container_network_transmit_packets_total", DCOS: "net.tx.packets net.tx_packets", Help: "Packets sent."},
		NetTxErrors: {Name: "net.tx.errors", Unit: Count, Type: Counter, Source: "/proc/<pid>/net/dev",
			Prom: "container_network_transmit_errors_total", DCOS: "net.tx.errors net.tx_errors", Help: "Send errors."},
		NetTxDropped: {Name: "net.tx.dropped", Unit: Count, Type: Counter, Source: "/proc/<pid>/net/dev",
			Prom: "container_network_transmit_packets_dropped_total", DCOS: "net.tx.dropped net.tx_dropped",
			Help: "Sent packets dropped."},
	})
}
