package cgroups

import (
	"slices"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bpf"
)

// fillIO fills the io rows of s, the root's and others read from files first.
func (w *walk) fillIO(s *Snapshot) {
	if !w.parts.Has(PartIO) {
		return
	}
	w.io = append(w.io[:0], s.IO...)
	s.IO, s.IOVals = s.IO[:0], s.IOVals[:0]
	s.IO, s.IOVals = append(s.IO, w.files.files.ioRows...), append(s.IOVals, w.files.files.ioVals...)
	for _, t := range w.trees {
		if !t.parts.IO {
			continue
		}
		for k := range t.prog.IOs() {
			io := &t.prog.IOs()[k]
			n := t.slots[io.Group]
			if n == nil || n.parent == nil {
				continue
			}
			s.IO = append(s.IO, IORow{Group: n.group.row, Device: Device{io.Major, io.Minor}})
			s.IOVals = append(s.IOVals, int64(io.Bytes[0]), int64(io.Bytes[1]), int64(io.Ios[0]), int64(io.Ios[1]),
				int64(io.Bytes[2]), int64(io.Ios[2]))
		}
	}
	if s.IOGen == 0 || !slices.Equal(w.io, s.IO) {
		s.IOGen++
	}
}

// fillHugetlb fills the hugetlb rows of s.
func (w *walk) fillHugetlb(s *Snapshot) {
	if !w.parts.Has(PartHugetlb) {
		return
	}
	same := len(s.Hugetlb)
	n := 0
	for _, t := range w.trees {
		if !t.parts.Hugetlb {
			continue
		}
		for i, node := range t.slots[:t.n] {
			if t.prog.Has(i)&bpf.HasHugetlb == 0 || t.options.V2 && node.parent == nil {
				continue
			}
			h := &t.prog.Hugetlb(i).Size
			for k, size := range w.huge {
				r := HugetlbRow{Group: node.group.row, Size: size}
				if n == len(s.Hugetlb) {
					s.Hugetlb = append(s.Hugetlb, r)
				} else if s.Hugetlb[n] != r {
					s.Hugetlb[n], same = r, -1
				}
				n++
				if len(s.HugetlbVals) < n*hugeWidth {
					s.HugetlbVals = append(s.HugetlbVals, make([]int64, hugeWidth)...)
				}
				v := s.HugetlbVals[(n-1)*hugeWidth:][:hugeWidth]
				v[metric.HugetlbCurrent], v[metric.HugetlbRsvdCurrent] = int64(h[k].Current)*pageSize4K,
					int64(h[k].RsvdCurrent)*pageSize4K
				v[metric.HugetlbMax], v[metric.HugetlbRsvdMax] = pages(h[k].Max), pages(h[k].RsvdMax)
				if t.options.V2 && int64(h[k].Max) == pageCounterTop/(size/pageSize4K)*(size/pageSize4K) {
					v[metric.HugetlbMax] = metric.Unlimited
				}
				if t.options.V2 && int64(h[k].RsvdMax) == pageCounterTop/(size/pageSize4K)*(size/pageSize4K) {
					v[metric.HugetlbRsvdMax] = metric.Unlimited
				}
				v[metric.HugetlbFailures] = int64(h[k].Failures)
				v[metric.HugetlbPeak] = metric.Absent
				if !t.options.V2 {
					v[metric.HugetlbPeak] = int64(h[k].Peak) * pageSize4K
				}
			}
		}
	}
	if n != same || s.HugetlbGen == 0 {
		s.HugetlbGen++
	}
	s.Hugetlb, s.HugetlbVals = s.Hugetlb[:n], s.HugetlbVals[:n*hugeWidth]
}
