package host

import "github.com/daytwo/daytwo/api/metric"

// cpuShares computes percentages from the CPU times of two ticks, as DC/OS showed them:
// total = user + system + steal, and total + idle + wait = 100. Percentages are in
// thousandths of a percent.
type cpuShares struct {
	last   [metric.HostCPUSteal - metric.HostCPUUser + 1]int64                // CPU times of the last tick, in ns
	shares [metric.HostCPUStealPercent - metric.HostCPUTotalPercent + 1]int64 // the last percentages
}

// newShares returns shares that are all absent.

func newShares() (s cpuShares) {
	for i := range s.shares {
		s.shares[i] = metric.Absent
	}
	for i := range s.last {
		s.last[i] = metric.Absent
	}
	return s
}

// update fills the percentages of a host row from its CPU times. The percentages do not
// change if the CPU times have not advanced since the last update.
func (s *cpuShares) update(host []int64) {
	times := host[metric.HostCPUUser : metric.HostCPUSteal+1]
	var d [len(s.last)]int64
	sum, known := int64(0), true
	for i, v := range times {
		if v == metric.Absent || s.last[i] == metric.Absent || v < s.last[i] {
			known = known && v == metric.Absent && s.last[i] == metric.Absent // a mode this kernel lacks
			continue
		}
		d[i] = v - s.last[i]
		sum += d[i]
	}
	mode := func(c int) int64 { return d[c-metric.HostCPUUser] }
	switch {
	case !known:
		*s = newShares()
	case sum > 0:
		share := func(ns int64) int64 { return (ns*100_000 + sum/2) / sum }
		set := func(c int, v int64) { s.shares[c-metric.HostCPUTotalPercent] = v }
		idle, wait := share(mode(metric.HostCPUIdle)), share(mode(metric.HostCPUIowait))
		user := share(mode(metric.HostCPUUser) + mode(metric.HostCPUNice))
		steal := share(mode(metric.HostCPUSteal))
		total := max(100_000-idle-wait, 0)
		set(metric.HostCPUTotalPercent, total)
		set(metric.HostCPUUserPercent, user)
		set(metric.HostCPUSystemPercent, max(total-user-steal, 0))
		set(metric.HostCPUIdlePercent, idle)
		set(metric.HostCPUWaitPercent, wait)
		set(metric.HostCPUStealPercent, steal)
	}
	copy(s.last[:], times)
	copy(host[metric.HostCPUTotalPercent:metric.HostCPUStealPercent+1], s.shares[:])
}
