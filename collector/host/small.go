package host

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
)

var pageSize = int64(os.Getpagesize())

// pages fills a column of bytes from one of pages.
func pages(host []int64, from, to int) {
	if n := host[from]; n >= 0 && n < 1<<50 {
		host[to] = n * pageSize
	}
}

// psiFile is one of /proc/pressure: stalls in all, in µs.
type psiFile struct {
	file       *file
	some, full int // columns, some is -1 if there is none
}

func newPSI(proc string) []*psiFile {
	return []*psiFile{
		{newFile(proc + "/pressure/cpu"), metric.HostPSICPUSome, metric.HostPSICPUFull},
		{newFile(proc + "/pressure/memory"), metric.HostPSIMemorySome, metric.HostPSIMemoryFull},
		{newFile(proc + "/pressure/io"), metric.HostPSIIOSome, metric.HostPSIIOFull},
		{newFile(proc + "/pressure/irq"), -1, metric.HostPSIIRQFull},
	}
}

func (p *psiFile) read(buf *[]byte, host []int64) { p.parse(p.file.read(buf), host) }

var psiTotal = []byte("total=")

func (p *psiFile) parse(b []byte, host []int64) {
	for len(b) > 0 {
		var line, f []byte
		line, b = nextLine(b)
		kind, rest := nextField(line)
		c := -1
		switch string(kind) {
		case "some":
			c = p.some
		case "full":
			c = p.full
		}
		for c >= 0 {
			if f, rest = nextField(rest); len(f) == 0 {
				break
			}
			if total, ok := bytes.CutPrefix(f, psiTotal); ok {
				host[c] = scaled(total, 1000)
			}
		}
	}
}

// singleFile holds one number.
type singleFile struct {
	file   *file
	column int
}

func newSingles(proc string, ns netNS) []singleFile {
	all := []singleFile{
		{newFile(proc + "/sys/kernel/pid_max"), metric.HostProcessesMax},
		{newFile(proc + "/sys/kernel/threads-max"), metric.HostThreadsMax},
		{newFile(proc + "/sys/kernel/random/entropy_avail"), metric.HostEntropy},
		{newFile(proc + "/sys/kernel/random/poolsize"), metric.HostEntropyPool},
	}
	if ns.own {
		// sysctl shows the reader's own network namespace, whatever the path.
		all = append(all,
			singleFile{newFile(proc + "/sys/net/netfilter/nf_conntrack_count"), metric.HostConntrack},
			singleFile{newFile(proc + "/sys/net/netfilter/nf_conntrack_max"), metric.HostConntrackMax})
	}
	return all
}

func (s *singleFile) read(buf *[]byte, host []int64) {
	if b := s.file.read(buf); b != nil {
		line, _ := nextLine(b)
		f, _ := nextField(line)
		host[s.column] = scaled(f, 1)
	}
}

// parseLoadavg reads "0.14 0.08 0.06 2/101 8238": the load three times,
// threads running/all, the last process id.
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

// parseUptime reads "1113.11 2121.35": seconds up, seconds idle.
func parseUptime(b []byte, host []int64) {
	line, _ := nextLine(b)
	f, _ := nextField(line)
	host[metric.HostUptime] = fixed(f, 9)
}

// parseFileNr reads "639 0 2466170": allocated, unused (always 0), maximum.
func parseFileNr(b []byte, host []int64) {
	line, _ := nextLine(b)
	f, line := nextField(line)
	host[metric.HostFilesAllocated] = scaled(f, 1)
	_, line = nextField(line)
	f, _ = nextField(line)
	host[metric.HostFilesMax] = scaled(f, 1)
}

// readClock asks adjtimex(2), which needs no right for that.
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
