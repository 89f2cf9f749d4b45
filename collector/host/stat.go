package host

import (
	"bytes"

	"github.com/daytwo/daytwo/api/metric"
)

const (
	tickNs = 10_000_000 // ns per unit of /proc/stat: USER_HZ is 100

	// cpuSlack is by how many ns a CPU time may fall without counting as reset. Idle and
	// iowait are estimates that the kernel sometimes corrects downwards. Like
	// node_exporter, daytwo takes a larger fall for a CPU that was offline.
	cpuSlack = 3_000_000_000

	maxCPU = 8192 // CPU numbers from here on are ignored
)

// statReader reads /proc/stat, and the other files with values of each CPU:
// /proc/net/softnet_stat and /proc/schedstat.
type statReader struct {
	file, softnet, sched *file
	cpus                 *table
	byNumber             []*entry // row of each CPU number in this tick, nil if the CPU is offline
	shares               cpuShares
}

// newStatReader makes a reader of the files in proc and net, the paths of /proc and
// /proc/net.

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

// parse reads /proc/stat (proc_stat(5)) into the host row and the rows of CPUs.
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

// parseCPU adds the row of CPU n, and reads the CPU times of its line.
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

// parseColumns reads numbers, multiplied by mul, into to, in order. If there are fewer
// numbers, as on older kernels, the other elements do not change.
func parseColumns(b []byte, to []int64, mul int64) {
	var f []byte
	for i := range to {
		if f, b = nextField(b); len(f) == 0 {
			return
		}
		to[i] = scaled(f, mul)
	}
}

// core returns the row of CPU n in this tick, or nil if there is none.
func (s *statReader) core(n int64) *entry {
	if n < 0 || n >= int64(len(s.byNumber)) {
		return nil
	}
	return s.byNumber[n]
}

// parseSoftnet reads /proc/net/softnet_stat: one line per CPU with hexadecimal numbers
// of 32 bits. The 13th number is that of the CPU; if a line has fewer, its position is.
func (s *statReader) parseSoftnet(b []byte) {
	const index = 12
	var to = [index]int{
		metric.CoreSoftnetProcessed, metric.CoreSoftnetDropped, metric.CoreSoftnetSqueezed, -1, -1, -1, -1, -1,
		metric.CoreSoftnetCollision, metric.CoreSoftnetRPS, metric.CoreSoftnetFlowLimit, metric.CoreSoftnetBacklog,
	}
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

// parseSched reads /proc/schedstat, version 15 or later. In the lines cpuN, the 7th to
// 9th numbers are the time run (ns), the time waited (ns), and the number of time
// slices.
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
