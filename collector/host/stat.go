package host

import (
	"bytes"

	"github.com/daytwo/daytwo/api/metric"
)

const (
	tickNs = 10_000_000 // USER_HZ is 100: /proc/stat counts hundredths of a second

	// Idle and iowait are estimates that the kernel takes back now and then;
	// node_exporter, too, takes more than this for a CPU that was offline.
	cpuSlack = 3_000_000_000

	maxCPU = 8192
)

// statReader reads /proc/stat, and what else is told CPU by CPU.
type statReader struct {
	file, softnet, sched *file
	cpus                 *table
	byNumber             []*entry // CPU number to its row of this tick, nil if offline
	shares               cpuShares
}

func newStatReader(proc, net string) *statReader {
	s := &statReader{
		file: newFile(proc + "/stat"), softnet: newFile(net + "/softnet_stat"), sched: newFile(proc + "/schedstat"),
		cpus: newTable(metric.CPU, cpuLabel), shares: newShares(),
	}
	for c := metric.CoreUser; c <= metric.CoreGuestNice; c++ {
		s.cpus.slack[c] = cpuSlack
	}
	return s
}

func (s *statReader) read(buf *[]byte, host []int64) {
	s.cpus.begin()
	clear(s.byNumber)
	s.parse(s.file.read(buf), host)
	s.parseSoftnet(s.softnet.read(buf))
	s.parseSched(s.sched.read(buf))
}

var (
	statCPU     = []byte("cpu")
	statSoftirq = []byte("softirq")
)

// parse reads proc_stat(5).
func (s *statReader) parse(b []byte, host []int64) {
	cores := int64(0)
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		key, rest := nextField(line)
		switch {
		case len(key) > 3 && bytes.HasPrefix(key, statCPU):
			if n, ok := parseInt(key[3:]); ok && n >= 0 && n < maxCPU {
				cores++
				s.parseCPU(int(n), key[3:], rest)
			}
		case bytes.Equal(key, statCPU):
			parseColumns(rest, host[metric.HostCPUUser:metric.HostCPUGuestNice+1], tickNs)
		case bytes.Equal(key, statSoftirq):
			_, rest = nextField(rest) // the sum
			parseColumns(rest, host[metric.HostSoftirqHi:metric.HostSoftirqRcu+1], 1)
		default:
			if c, ok := statColumns[string(key)]; ok {
				first, _ := nextField(rest)
				host[c] = scaled(first, 1)
			}
		}
	}
	if cores > 0 {
		host[metric.HostCPUs] = cores
	}
}

var statColumns = map[string]int{
	"intr": metric.HostInterrupts, "ctxt": metric.HostContextSwitches, "btime": metric.HostBootTime,
	"processes": metric.HostForks, "procs_running": metric.HostProcsRunning, "procs_blocked": metric.HostProcsBlocked,
}

func (s *statReader) parseCPU(n int, name, rest []byte) {
	e := s.cpus.add(name)
	if e == nil {
		return
	}
	for n >= len(s.byNumber) {
		s.byNumber = append(s.byNumber, nil)
	}
	s.byNumber[n] = e
	parseColumns(rest, s.cpus.vals(e)[metric.CoreUser:metric.CoreGuestNice+1], tickNs)
}

// parseColumns reads numbers into to, in order; older kernels print fewer.
func parseColumns(b []byte, to []int64, mul int64) {
	var f []byte
	for i := range to {
		if f, b = nextField(b); len(f) == 0 {
			return
		}
		to[i] = scaled(f, mul)
	}
}

// core is the row of a CPU in this tick, or nil.
func (s *statReader) core(n int64) *entry {
	if n < 0 || n >= int64(len(s.byNumber)) {
		return nil
	}
	return s.byNumber[n]
}

// parseSoftnet reads /proc/net/softnet_stat: a line a CPU of hexadecimal
// numbers of 32 bits; the 13th is the CPU, where there are so many.
func (s *statReader) parseSoftnet(b []byte) {
	const index = 12
	var to = [index]int{metric.CoreSoftnetProcessed, metric.CoreSoftnetDropped, metric.CoreSoftnetSqueezed, -1, -1, -1, -1, -1,
		metric.CoreSoftnetCollision, metric.CoreSoftnetRPS, metric.CoreSoftnetFlowLimit, metric.CoreSoftnetBacklog}
	for nth := int64(0); len(b) > 0; nth++ {
		var line, f []byte
		line, b = nextLine(b)
		var vals [index + 1]int64
		n := 0
		for ; n < len(vals); n++ {
			if f, line = nextField(line); len(f) == 0 {
				break
			}
			v, ok := parseHex(f)
			if !ok {
				break
			}
			vals[n] = v
		}
		cpu := nth
		if n > index {
			cpu = vals[index]
		}
		e := s.core(cpu)
		if e == nil {
			continue
		}
		out := s.cpus.vals(e)
		for i, c := range to[:min(n, index)] {
			if c < 0 {
				continue
			}
			out[c] = vals[i]
			if s.cpus.counter[c] {
				out[c] = unwrap(e.last[c], vals[i])
			}
		}
	}
}

// parseSched reads /proc/schedstat, version 15 and later: of the lines cpuN,
// the 7th to 9th numbers are ns run, ns waited, and time slices.
func (s *statReader) parseSched(b []byte) {
	for len(b) > 0 {
		var line, f []byte
		line, b = nextLine(b)
		key, rest := nextField(line)
		if !bytes.HasPrefix(key, statCPU) {
			continue
		}
		n, ok := parseInt(key[3:])
		e := s.core(n)
		if !ok || e == nil {
			continue
		}
		for range 6 {
			f, rest = nextField(rest)
		}
		if len(f) > 0 {
			parseColumns(rest, s.cpus.vals(e)[metric.CoreSchedRunning:metric.CoreSchedTimeslices+1], 1)
		}
	}
}
