package metric

// IsUnlimited reports whether a limit is not set. In cgroup v1 an unset limit is a large
// number, which the kernel rounds down to whole pages; the bound here is cAdvisor's.
func IsUnlimited(v int64) bool { return v > 1<<62 }

// WorkingSet returns the memory usage of a Container row without inactive page cache, in
// bytes, as cAdvisor and the kubelet compute it. It is Absent if either value is.
func WorkingSet(row []int64) int64 {
	current, inactive := row[MemCurrent], row[StatInactiveFile]
	if current == Absent || inactive == Absent {
		return Absent
	}
	return max(0, current-inactive)
}

// CPULimit returns the CPU quota of a Container row in cores. ok is false if
// none is set.
func CPULimit(row []int64) (cores float64, ok bool) {
	q, p := row[CPUQuota], row[CPUPeriod]
	if q == Absent || p == Absent || IsUnlimited(q) || q <= 0 || p <= 0 {
		return 0, false
	}
	return float64(q) / float64(p), true
}
