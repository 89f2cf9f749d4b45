package host

import (
	"bytes"

	"github.com/daytwo/daytwo/api/metric"
)

// Files of one line with several numbers.

// parseLoadavg parses /proc/loadavg (proc_loadavg(5)), such as
// "0.14 0.08 0.06 2/101 8238": the load averages over 1, 5 and 15 minutes, the numbers
// of running and of all threads, and the last process id. Loads are in thousandths.
func parseLoadavg(b []byte, host []int64) {
	line, _ := nextLine(b)
	var f []byte
	for c := metric.HostLoad1; c <= metric.HostLoad15; c++ {
		f, line = nextField(line)
		host[c] = fixed(f, 3)
	}
	f, _ = nextField(line)
	if _, all, ok := bytes.Cut(f, slash); ok {
		host[metric.HostThreads] = scaled(all, 1)
	}
}

var slash = []byte{'/'}

// parseUptime parses /proc/uptime (proc_uptime(5)), such as "1113.11 2121.35": seconds
// since the boot, and seconds of idle CPU time. The uptime is stored in ns.
func parseUptime(b []byte, host []int64) {
	line, _ := nextLine(b)
	f, _ := nextField(line)
	host[metric.HostUptime] = fixed(f, 9)
}

// parseFileNr parses /proc/sys/fs/file-nr, such as "639 0 2466170": the numbers of
// allocated and of unused file handles (the latter always 0), and their maximum.
func parseFileNr(b []byte, host []int64) {
	line, _ := nextLine(b)
	f, line := nextField(line)
	host[metric.HostFilesAllocated] = scaled(f, 1)
	_, line = nextField(line)
	f, _ = nextField(line)
	host[metric.HostFilesMax] = scaled(f, 1)
}
