package host

import (
	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
)

// readClock reads the state of the kernel's clock by adjtimex(2), which takes no
// capability for reading. Offset and errors are stored in ns.
func readClock(host []int64) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return
	}
	const timeError, nano = 5, 0x2000 // TIME_ERROR, STA_NANO of linux/timex.h
	unit := int64(1000)
	if t.Status&nano != 0 {
		unit = 1
	}
	host[metric.HostTimexOffset] = int64(t.Offset) * unit
	host[metric.HostTimexMaxError] = int64(t.Maxerror) * 1000
	host[metric.HostTimexEstError] = int64(t.Esterror) * 1000
	host[metric.HostTimexStatus] = int64(t.Status)
	host[metric.HostTimexTAI] = int64(t.Tai)
	host[metric.HostTimexSync] = 0
	if state != timeError {
		host[metric.HostTimexSync] = 1
	}
}
