package host

import (
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

func TestCPUShares(t *testing.T) {
	s := newShares()
	// at updates the shares with the CPU times user, nice, system, idle, iowait, irq,
	// softirq and steal.
	at := func(times ...int64) [6]int64 {
		host := hostRow()
		for i, v := range times {
			host[metric.HostCPUUser+i] = v
		}
		s.update(host)
		return [6]int64(host[metric.HostCPUTotalPercent : metric.HostCPUStealPercent+1])
	}
	const none = metric.Absent
	absent := [6]int64{none, none, none, none, none, none}
	for i, c := range []struct {
		times []int64
		want  [6]int64 // total, user, system, idle, wait, steal
	}{
		{[]int64{100, 0, 100, 1000, 0, 0, 0, 0}, absent},
		{[]int64{200, 50, 150, 1500, 200, 25, 25, 50}, [6]int64{30000, 15000, 10000, 50000, 20000, 5000}},
		{[]int64{200, 50, 150, 1500, 200, 25, 25, 50}, [6]int64{30000, 15000, 10000, 50000, 20000, 5000}}, // no time passed
		{[]int64{201, 50, 151, 1501, 200, 25, 25, 50}, [6]int64{66667, 33333, 33334, 33333, 0, 0}},
		{nil, absent}, // /proc/stat could not be read
		{[]int64{300, 50, 200, 2000, 200, 25, 25, 50}, absent},
		{[]int64{301, 50, 200, 2000, 200, 25, 25, 50}, [6]int64{100000, 100000, 0, 0, 0, 0}},
		{[]int64{300, 50, 200, 2000, 200, 25, 25, 50}, absent}, // a reset
		{[]int64{400, 50, 200, 2100, 200, 25, 25, none}, absent},
		{[]int64{500, 50, 200, 2400, 200, 25, 25, none}, [6]int64{25000, 25000, 0, 75000, 0, 0}}, // no steal in Linux 2.6.10
	} {
		if got := at(c.times...); got != c.want {
			t.Errorf("reading %d: %v, want %v", i, got, c.want)
		}
	}
}
