package metric

// IsUnlimited reports whether a limit is not set. The kernel rounds cgroup v1's
// "no limit" down to whole pages; the bound is cAdvisor's.
func IsUnlimited(v int64) bool { return v > 1<<62 }

// WorkingSet returns the memory of a Container row that is in use, without
// inactive page cache, as cAdvisor and the kubelet count it. In bytes; Absent
// if one of both is.
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
