package collector

import (
	"os"
	"runtime/metrics"
	"syscall"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/join"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/plaintext"
	"github.com/daytwo/daytwo/collector/cgroups"
)

// self reads the resources that the collector's own process uses, without
// allocating.
type self struct {
	statm  *os.File
	fds    *os.File
	buf    []byte
	sample []metrics.Sample
	vals   []int64
	rows   []*frame.Row
}

func newSelf(nextID func() uint64) *self {
	s := &self{
		buf:    make([]byte, 32<<10),
		sample: []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}},
		vals:   make([]int64, metric.Width(metric.Collector)),
		rows:   []*frame.Row{{ID: nextID()}},
	}
	s.statm, _ = os.Open("/proc/self/statm") // without /proc, its values stay absent
	s.fds, _ = os.Open("/proc/self/fd")
	for i := range s.vals {
		s.vals[i] = metric.Absent
	}
	s.exposed(nil)
	return s
}

// exposed fills the column of what others on the network can do.
func (s *self) exposed(all []plaintext.Exposure) {
	s.vals[metric.SelfInsecure] = min(int64(len(all)), 1)
}

// credential fills the columns of the node's NATS credential; r may be nil.
func (s *self) credential(r *join.Renewer) {
	if r == nil {
		return
	}
	expires, err := r.State()
	s.vals[metric.SelfCredentialExpiry], s.vals[metric.SelfCredentialFailing] = metric.Absent, 0
	if !expires.IsZero() {
		s.vals[metric.SelfCredentialExpiry] = expires.UnixNano()
	}
	if err != nil {
		s.vals[metric.SelfCredentialFailing] = 1
	}
}

func (s *self) close() {
	s.statm.Close()
	s.fds.Close()
}

// read fills the columns of CPU time (ns), heap and resident memory (bytes), and
// open descriptors.
func (s *self) read() {
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) == nil {
		s.vals[metric.SelfCPU] = ru.Utime.Nano() + ru.Stime.Nano()
	}
	metrics.Read(s.sample)
	if s.sample[0].Value.Kind() == metrics.KindUint64 {
		s.vals[metric.SelfHeap] = int64(s.sample[0].Value.Uint64())
	}
	if s.statm != nil {
		if n, err := s.statm.ReadAt(s.buf[:128], 0); n > 0 {
			_ = err // io.EOF: the file is shorter than the buffer
			s.vals[metric.SelfRSS] = secondNumber(s.buf[:n]) * int64(os.Getpagesize())
		}
	}
	s.vals[metric.SelfFDs] = s.countFDs()
}

// secondNumber returns the second of several numbers separated by spaces. In
// proc_pid_statm(5) that is the number of resident pages.
func secondNumber(b []byte) int64 {
	i := 0
	for i < len(b) && b[i] != ' ' {
		i++
	}
	v := int64(0)
	for i++; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		v = v*10 + int64(b[i]-'0')
	}
	return v
}

// countFDs returns the size of /proc/self/fd, which since Linux 6.2 is the number of
// open descriptors. On older kernels, and without /proc, it returns metric.Absent.
func (s *self) countFDs() int64 {
	if s.fds == nil {
		return metric.Absent
	}
	var st syscall.Stat_t
	if syscall.Fstat(int(s.fds.Fd()), &st) != nil || st.Size == 0 {
		return metric.Absent
	}
	return st.Size
}

// partRows holds the rows that show which reader serves each part of a cgroup's
// record: BPF or files.
type partRows struct {
	nextID func() uint64
	was    []cgroups.Status // that rows was made from
	rows   []*frame.Row
	vals   []int64
	gen    uint64
}

// update brings rows and values up to date with the status of each part.
func (p *partRows) update(status []cgroups.Status, mismatches func(cgroups.Part) uint64) {
	same := len(status) == len(p.was)
	for i := 0; same && i < len(status); i++ {
		same = status[i] == p.was[i]
	}
	if !same {
		p.was = append(p.was[:0], status...)
		p.rows = nil
		for _, s := range status {
			ls := []frame.Label{{Name: "part", Value: s.Part.String()}, {Name: "reader", Value: s.Reader}}
			if s.Reason != "" {
				ls = append(ls, frame.Label{Name: "reason", Value: s.Reason})
			}
			p.rows = append(p.rows, &frame.Row{ID: p.nextID(), Key: s.Part.String(), Labels: ls})
		}
		p.vals = make([]int64, len(p.rows)*metric.Width(metric.Part))
		p.gen++
	}
	w := metric.Width(metric.Part)
	for i, s := range status {
		p.vals[i*w+metric.PartReader] = 1
		p.vals[i*w+metric.PartMismatches] = int64(mismatches(s.Part))
	}
}
