package metric

// Columns of CPU, one row a logical CPU that is online. Append only.
const (
	CoreUser = iota
	CoreNice
	CoreSystem
	CoreIdle
	CoreIowait
	CoreIrq
	CoreSoftirq
	CoreSteal
	CoreGuest
	CoreGuestNice
	CoreSoftnetProcessed
	CoreSoftnetDropped
	CoreSoftnetSqueezed
	CoreSoftnetCollision
	CoreSoftnetRPS
	CoreSoftnetFlowLimit
	CoreSoftnetBacklog
	CoreSchedRunning
	CoreSchedWaiting
	CoreSchedTimeslices
)

func init() {
	register(CPU, "node_cpu", []Metric{
		CoreUser: {Name: "cpu.user", Unit: Nanoseconds, Type: Counter, Source: "/proc/stat cpuN user",
			Prom: "node_cpu_seconds_total{mode=\"user\"}", Help: "Time in user mode, guests included."},
		CoreNice: {Name: "cpu.nice", Unit: Nanoseconds, Type: Counter, Source: "/proc/stat cpuN nice",
			Prom: "node_cpu_seconds_total{mode=\"nice\"}", Help: "Time in user mode at low priority, guests included."},
		CoreSystem: {Name: "cpu.system", Unit: Nanoseconds, Type: Counter, Source: "/proc/stat cpuN system",
			Prom: "node_cpu_seconds_total{mode=\"system\"}", Help: "Time in the kernel."},
		CoreIdle: {Name: "cpu.idle", Unit: Nanoseconds, Type: Counter, Source: "/proc/stat cpuN idle",
			Prom: "node_cpu_seconds_total{mode=\"idle\"}", Help: "Time idle."},
		CoreIowait: {Name: "cpu.iowait", Unit: Nanoseconds, Type: Counter, Source: "/proc/stat cpuN iowait",
			Prom: "node_cpu_seconds_total{mode=\"iowait\"}", Help: "Time idle while io was outstanding."},
		CoreIrq: {Name: "cpu.irq", Unit: Nanoseconds, Type: Counter, Source: "/proc/stat cpuN irq",
			Prom: "node_cpu_seconds_total{mode=\"irq\"}", Help: "Time in hardware interrupts."},
		CoreSoftirq: {Name: "cpu.softirq", Unit: Nanoseconds, Type: Counter, Source: "/proc/stat cpuN softirq",
			Prom: "node_cpu_seconds_total{mode=\"softirq\"}", Help: "Time in soft interrupts."},
		CoreSteal: {Name: "cpu.steal", Unit: Nanoseconds, Type: Counter, Source: "/proc/stat cpuN steal",
			Prom: "node_cpu_seconds_total{mode=\"steal\"}", Help: "Time taken by the hypervisor."},
		CoreGuest: {Name: "cpu.guest", Unit: Nanoseconds, Type: Counter, Source: "/proc/stat cpuN guest",
			Prom: "node_cpu_guest_seconds_total{mode=\"user\"}", Help: "Time running guests."},
		CoreGuestNice: {Name: "cpu.guest_nice", Unit: Nanoseconds, Type: Counter, Source: "/proc/stat cpuN guest_nice",
			Prom: "node_cpu_guest_seconds_total{mode=\"nice\"}", Help: "Time running guests at low priority."},
		CoreSoftnetProcessed: {Name: "softnet.processed", Unit: Count, Type: Counter,
			Source: "/proc/net/softnet_stat column 1", Prom: "node_softnet_processed_total",
			Help: "Packets processed by the network stack."},
		CoreSoftnetDropped: {Name: "softnet.dropped", Unit: Count, Type: Counter, Source: "/proc/net/softnet_stat column 2",
			Prom: "node_softnet_dropped_total", Help: "Packets dropped because the backlog was full."},
		CoreSoftnetSqueezed: {Name: "softnet.squeezed", Unit: Count, Type: Counter,
			Source: "/proc/net/softnet_stat column 3", Prom: "node_softnet_times_squeezed_total",
			Help: "Times that packet processing ran out of budget."},
		CoreSoftnetCollision: {Name: "softnet.collision", Unit: Count, Type: Counter,
			Source: "/proc/net/softnet_stat column 9", Prom: "node_softnet_cpu_collision_total",
			Help: "Collisions on a device lock while sending."},
		CoreSoftnetRPS: {Name: "softnet.received_rps", Unit: Count, Type: Counter,
			Source: "/proc/net/softnet_stat column 10", Prom: "node_softnet_received_rps_total",
			Help: "Times woken by another CPU to receive packets."},
		CoreSoftnetFlowLimit: {Name: "softnet.flow_limit", Unit: Count, Type: Counter,
			Source: "/proc/net/softnet_stat column 11", Prom: "node_softnet_flow_limit_count_total",
			Help: "Times that the flow limit was reached."},
		CoreSoftnetBacklog: {Name: "softnet.backlog", Unit: Count, Type: Gauge, Source: "/proc/net/softnet_stat column 12",
			Prom: "node_softnet_backlog_len", Help: "Packets in the backlog."},
		CoreSchedRunning: {Name: "schedstat.running", Unit: Nanoseconds, Type: Counter, Source: "/proc/schedstat cpuN",
			Prom: "node_schedstat_running_seconds_total", Help: "Time spent running tasks."},
		CoreSchedWaiting: {Name: "schedstat.waiting", Unit: Nanoseconds, Type: Counter, Source: "/proc/schedstat cpuN",
			Prom: "node_schedstat_waiting_seconds_total", Help: "Time that tasks waited for this CPU."},
		CoreSchedTimeslices: {Name: "schedstat.timeslices", Unit: Count, Type: Counter, Source: "/proc/schedstat cpuN",
			Prom: "node_schedstat_timeslices_total", Help: "Time slices run."},
	})
}
