package server

import "github.com/daytwo/daytwo/api/metric"

// derivedFamily is a sample that is no column of its own.
type derivedFamily struct {
	promSample
	name, help, typ string
}

var derived = []derivedFamily{
	{promSample{kind: metric.Host, column: metric.HostCPUs}, "machine_cpu_cores", "Number of logical CPU cores.", "gauge"},
	{promSample{kind: metric.Host, column: metric.HostMemTotal}, "machine_memory_bytes", "Amount of memory installed on the machine.", "gauge"},
	{promSample{kind: metric.Host, column: metric.HostSwapTotal}, "machine_swap_bytes", "Amount of swap memory available on the machine.", "gauge"},
	{promSample{kind: metric.Host, get: one, long: true}, "node_uname_info", "Labeled system information as provided by the uname system call.", "gauge"},
	{promSample{kind: metric.Container, column: metric.Created}, "container_creation_time_seconds", "Container creation time since unix epoch in seconds.", "gauge"},
	{promSample{kind: metric.Container, get: workingSet}, "container_memory_working_set_bytes", "Current working set: memory in use without inactive page cache.", "gauge"},
	{promSample{kind: metric.Container, tick: true}, "container_last_seen", "Last time a container was seen by the exporter", "gauge"},
	{promSample{kind: metric.ContainerIO, column: metric.IOReadBytes, labels: `operation="Read"`, long: true}, blkioName, blkioHelp, "counter"},
	{promSample{kind: metric.ContainerIO, column: metric.IOWriteBytes, labels: `operation="Write"`, long: true}, blkioName, blkioHelp, "counter"},
	{promSample{kind: metric.ContainerIO, column: metric.IODiscardBytes, labels: `operation="Discard"`, long: true}, blkioName, blkioHelp, "counter"},
}

const (
	blkioName = "container_blkio_device_usage_total"
	blkioHelp = "Blkio Device bytes usage"
)

// one is the value of a family whose labels say everything.
func one([]int64) int64 { return 1 }

// workingSet is memory in use without inactive page cache, as cAdvisor and the
// kubelet have it.
func workingSet(row []int64) int64 {
	current, inactive := row[metric.MemCurrent], row[metric.StatInactiveFile]
	if current == metric.Absent || inactive == metric.Absent {
		return metric.Absent
	}
	return max(0, current-inactive)
}

// unlimited tells whether a limit is not set. The kernel rounds "no limit" of
// v1 down to whole pages, so cAdvisor's bound is used.
func unlimited(v int64) bool { return v > 1<<62 }

// ifQuota is a column where the cgroup has a CPU quota, else Absent.
func ifQuota(column int) func([]int64) int64 {
	return func(row []int64) int64 {
		if q := row[metric.CPUQuota]; q == metric.Absent || unlimited(q) {
			return metric.Absent
		}
		return row[column]
	}
}

// cpuShares is v1's shares, or v2's weight on their scale, as cAdvisor has it.
func cpuShares(row []int64) int64 {
	if s := row[metric.CPUShares]; s != metric.Absent {
		return s
	}
	w := row[metric.CPUWeight]
	if w < 1 || w > 10000 {
		return metric.Absent
	}
	return 2 + (w-1)*262142/9999
}

// swapLimit is v2's limit of swap, or v1's of memory and swap together, as
// cAdvisor has it.
func swapLimit(row []int64) int64 {
	if v := row[metric.MemSwapMax]; v != metric.Absent {
		return v
	}
	return row[metric.MemSWMax]
}

// cpuLimit is a quota in cores; ok is false where none is set.
func cpuLimit(row []int64) (cores float64, ok bool) {
	q, p := row[metric.CPUQuota], row[metric.CPUPeriod]
	if q == metric.Absent || p == metric.Absent || unlimited(q) || q <= 0 || p <= 0 {
		return 0, false
	}
	return float64(q) / float64(p), true
}
