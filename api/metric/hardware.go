package metric

// Columns of Hardware, one row per part of the machine's hardware: a CPU's thread, a cache, a
// NUMA node, the distance of two nodes, a size of huge pages on a node, a type of memory
// module. A row has the columns of its part only. Append only.
const (
	HardwareCacheSize = iota
	HardwareThreadSiblings
	HardwareNodeMemory
	HardwareNodeHugepages
	HardwareNodeDistance
	HardwareDIMMs
	HardwareDIMMCapacity
)

// MachineLabels are the labels that cAdvisor has on every family machine_*. The rows of
// Hardware and of Host have them, as far as the kernel and the system have such ids.
var MachineLabels = []string{"boot_id", "machine_id", "system_uuid"}

func init() {
	register(Hardware, "machine", []Metric{
		HardwareCacheSize: {Name: "cache.size", Unit: Bytes,
			Source: "/sys/devices/system/cpu/cpuN/cache/indexN/size", Prom: "machine_cpu_cache_capacity_bytes",
			Help: "Cache size in bytes assigned to NUMA node and CPU core."},
		HardwareThreadSiblings: {Name: "thread.siblings", Source: "/sys/devices/system/cpu/cpuN/topology/core_id",
			Prom: "machine_thread_siblings_count", Help: "Number of CPU thread siblings, the thread itself included."},
		HardwareNodeMemory: {Name: "node.memory", Unit: Bytes, Source: "/sys/devices/system/node/nodeN/meminfo MemTotal",
			Prom: "machine_node_memory_capacity_bytes", Help: "Amount of memory assigned to NUMA node."},
		HardwareNodeHugepages: {Name: "node.hugepages",
			Source: "/sys/devices/system/node/nodeN/hugepages/hugepages-NkB/nr_hugepages",
			Prom:   "machine_node_hugepages_count", Help: "Number of hugepages assigned to NUMA node; page_size is in KiB."},
		HardwareNodeDistance: {Name: "node.distance", Source: "/sys/devices/system/node/nodeN/distance",
			Prom: "machine_node_distance", Help: "Distance between NUMA node and target NUMA node."},
		HardwareDIMMs: {Name: "dimm.count", Source: "/sys/devices/system/edac/mc/mcN/dimmN/dimm_mem_type",
			Prom: "machine_dimm_count", Help: "Number of RAM DIMM (all types memory modules) value labeled by dimm type."},
		HardwareDIMMCapacity: {Name: "dimm.capacity", Unit: Bytes, Source: "/sys/devices/system/edac/mc/mcN/dimmN/size",
			Prom: "machine_dimm_capacity_bytes",
			Help: "Total RAM DIMM capacity (all types memory modules) value labeled by dimm type."},
	})
}
