package cgroups

import (
	"os"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/metric"
	"golang.org/x/sys/unix"
)

// hugeWidth is the number of columns of a hugetlb row.
const hugeWidth = metric.HugetlbRsvdMax + 1

// pageSize is one size of huge pages.
type pageSize struct {
	bytes int64
	name  string // as in file names: "2MB"
	pool  int    // open descriptor of nr_hugepages, -1 if there is none
	empty bool   // the machine has no page of this size now
}

// pageSizes returns the machine's sizes of huge pages. The caller closes each pool.
func pageSizes() []pageSize {
	const dir = "/sys/kernel/mm/hugepages"
	var sizes []pageSize
	entries, _ := os.ReadDir(dir) // fails on a kernel without hugetlb, which has no sizes
	for _, e := range entries {
		kb, ok := strings.CutPrefix(e.Name(), "hugepages-")
		kb, ok2 := strings.CutSuffix(kb, "kB")
		n, err := strconv.ParseInt(kb, 10, 40)
		if !ok || !ok2 || err != nil || n <= 0 {
			continue
		}
		p := pageSize{bytes: n << 10, name: hugeName(n << 10), pool: -1}
		if fd, err := unix.Open(dir+"/"+e.Name()+"/nr_hugepages", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			p.pool = fd
		}
		sizes = append(sizes, p)
	}
	return sizes
}

// hugeName returns a page size in bytes as mm/hugetlb_cgroup.c writes it: "2MB".
func hugeName(b int64) string {
	switch {
	case b >= 1<<30:
		return strconv.FormatInt(b>>30, 10) + "GB"
	case b >= 1<<20:
		return strconv.FormatInt(b>>20, 10) + "MB"
	}
	return strconv.FormatInt(b>>10, 10) + "KB"
}

// hugetlb adds the hugetlb files of every page size.
func (s *specBuilder) hugetlb(sizes []pageSize) {
	m := s.l.Hugetlb
	if m < 0 {
		return
	}
	names := [hugeWidth]string{
		metric.HugetlbCurrent: "usage_in_bytes", metric.HugetlbMax: "limit_in_bytes",
		metric.HugetlbPeak:     "max_usage_in_bytes",
		metric.HugetlbFailures: "failcnt", metric.HugetlbRsvdCurrent: "rsvd.usage_in_bytes",
		metric.HugetlbRsvdMax: "rsvd.limit_in_bytes"}
	if s.v2(m) {
		names = [hugeWidth]string{
			metric.HugetlbCurrent: "current", metric.HugetlbMax: "max",
			metric.HugetlbFailures: "events", metric.HugetlbRsvdCurrent: "rsvd.current", metric.HugetlbRsvdMax: "rsvd.max"}
	}
	for i := range sizes {
		for col, name := range names {
			if name == "" {
				continue
			}
			c := pool
			if col == metric.HugetlbMax || col == metric.HugetlbRsvdMax {
				c = limit
			}
			sp := s.add(m, "hugetlb."+sizes[i].name+"."+name, PartHugetlb, c, func(_ *files, e *entry, _ []int64, b []byte) {
				if name == "events" {
					_, b = cutField(b) // "max 0"
				}
				e.huge[i][col] = parseLimit(b)
			})
			sp.size, sp.huge = i, col
		}
	}
}

// checkPools finds out which sizes the machine has no page of. No group can use
// these, so their files are not read. (A failed attempt to use one still increases
// the failure count; that shows when the rolling scan comes to the group.)
func (f *files) checkPools() {
	for i := range f.sizes {
		p := &f.sizes[i]
		p.empty = false
		if p.pool < 0 {
			continue
		}
		if n, errno := pread(p.pool, f.buf, 0); errno == 0 {
			p.empty = parseValue(f.buf[:n]) == 0
		}
	}
}

// emitHugetlb appends the hugetlb rows of group i to f.hugeRows and f.hugeVals.
func (f *files) emitHugetlb(i int, e *entry) {
	for k := range e.huge {
		if e.huge[k][metric.HugetlbCurrent] != metric.Absent {
			f.hugeRows = append(f.hugeRows, HugetlbRow{Group: int32(i), Size: f.sizes[k].bytes})
			f.hugeVals = append(f.hugeVals, e.huge[k][:]...)
		}
	}
}

// forgetHuge sets the value of a file that cannot be read to metric.Absent.
func (f *files) forgetHuge(e *entry, sp *spec) { e.huge[sp.size][sp.huge] = metric.Absent }
