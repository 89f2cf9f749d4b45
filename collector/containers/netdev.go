package containers

import (
	"bytes"
	"math"

	"github.com/daytwo/daytwo/api/metric"
)

// netColumns maps the columns of a line of net/dev after the colon to columns of a row
// (net/core/net-procfs.c, dev_seq_printf_stats).
var netColumns = [16]int{
	0: metric.NetRxBytes, 1: metric.NetRxPackets, 2: metric.NetRxErrors, 3: metric.NetRxDropped, 4: -1, 5: -1, 6: -1,
	7: -1,
	8: metric.NetTxBytes, 9: metric.NetTxPackets, 10: metric.NetTxErrors, 11: metric.NetTxDropped, 12: -1, 13: -1, 14: -1,
	15: -1,
}

// parseNetDev reads one line of /proc/PID/net/dev and returns the remaining text in
// rest. ok is false if the line is a heading or malformed.
func parseNetDev(b []byte) (name []byte, vals [metric.NetTxDropped + 1]int64, rest []byte, ok bool) {
	line := b
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		line, rest = b[:i], b[i+1:]
	}
	// A heading has no colon; a name cannot have one.
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return nil, vals, rest, false
	}
	name = bytes.TrimLeft(line[:colon], " ")
	line = line[colon+1:]
	for i := range vals {
		vals[i] = metric.Absent
	}
	for field := 0; field < len(netColumns); field++ {
		line = bytes.TrimLeft(line, " ")
		v, digits := uint64(0), 0
		for digits < len(line) && line[digits] >= '0' && line[digits] <= '9' {
			v = v*10 + uint64(line[digits]-'0')
			digits++
		}
		if digits == 0 || digits > 20 {
			return nil, vals, rest, false
		}
		line = line[digits:]
		if c := netColumns[field]; c >= 0 {
			vals[c] = int64(min(v, math.MaxInt64))
		}
	}
	return name, vals, rest, len(name) > 0
}

// ignored reports whether cAdvisor omits an interface: loopback, and the host ends of
// nested containers.
func ignored(name []byte) bool {
	return string(name) == "lo" || hasPrefix(name, "veth") || hasPrefix(name, "docker") || hasPrefix(name, "nerdctl")
}

func hasPrefix(b []byte, p string) bool { return len(b) >= len(p) && string(b[:len(p)]) == p }
