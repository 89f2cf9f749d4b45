package host

import (
	"bytes"

	"github.com/daytwo/daytwo/api/metric"
)

// psiFile is one file of /proc/pressure (Documentation/accounting/psi.rst). Of its
// values, only the total stall times are read; the file has them in µs.
type psiFile struct {
	file       *file
	some, full int // columns in ns; some is -1 if the file has no such line
}

// newPSI returns the files of /proc/pressure. proc is the path of /proc.

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

// parse reads lines such as "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234".
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
