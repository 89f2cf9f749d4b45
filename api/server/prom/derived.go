package prom

import "github.com/daytwo/daytwo/api/metric"

// derivedFamily is a family of samples that are not a column as it stands.
type derivedFamily struct {
	sample
	name, help, typ string
}

var derived = []derivedFamily{
	{sample{kind: metric.Host, column: metric.HostCPUs, machine: true},
		"machine_cpu_cores", "Number of logical CPU cores.", "gauge"},
	{sample{kind: metric.Host, column: metric.HostMemTotal, machine: true},
		"machine_memory_bytes", "Amount of memory installed on the machine.", "gauge"},
	{sample{kind: metric.Host, column: metric.HostSwapTotal, machine: true},
		"machine_swap_bytes", "Amount of swap memory available on the machine.", "gauge"},
	{sample{kind: metric.Host, get: one, long: true},
		"node_uname_info", "Labeled system information as provided by the uname system call.", "gauge"},
	{sample{kind: metric.Container, column: metric.Created},
		"container_creation_time_seconds", "Container creation time since unix epoch in seconds.", "gauge"},
	{sample{kind: metric.Container, get: metric.WorkingSet},
		"container_memory_working_set_bytes",
		"Current working set: memory in use without inactive page cache.", "gauge"},
	{sample{kind: metric.Container, tick: true},
		"container_last_seen", "Last time a container was seen by the exporter", "gauge"},
	{sample{kind: metric.ContainerIO, column: metric.IOReadBytes, labels: `operation="Read"`, long: true},
		blkioName, blkioHelp, "counter"},
	{sample{kind: metric.ContainerIO, column: metric.IOWriteBytes, labels: `operation="Write"`, long: true},
		blkioName, blkioHelp, "counter"},
	{sample{kind: metric.ContainerIO, column: metric.IODiscardBytes, labels: `operation="Discard"`, long: true},
		blkioName, blkioHelp, "counter"},
}

const (
	blkioName = "container_blkio_device_usage_total"
	blkioHelp = "Blkio Device bytes usage"
)

// one is the value of samples whose labels are the information.
func one([]int64) int64 { return 1 }

// ifQuota returns a column for cgroups that have a CPU quota, Absent for others.
func ifQuota(column int) func([]int64) int64 {
	return func(row []int64) int64 {
		if q := row[metric.CPUQuota]; q == metric.Absent || metric.IsUnlimited(q) {
			return metric.Absent
		}
		return row[column]
	}
}

// cpuShares returns cgroup v1's shares, or v2's weight converted to them as
// cAdvisor does.
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

// swapLimit returns cgroup v2's swap limit, or v1's limit of memory and swap
// together, as cAdvisor does.
func swapLimit(row []int64) int64 {
	if v := row[metric.MemSwapMax]; v != metric.Absent {
		return v
	}
	return row[metric.MemSWMax]
}

// reservation returns cgroup v1's soft limit, or v2's memory.min, as cAdvisor does.
func reservation(row []int64) int64 {
	if v := row[metric.MemSoftLimit]; v != metric.Absent {
		return v
	}
	return row[metric.MemMin]
}
