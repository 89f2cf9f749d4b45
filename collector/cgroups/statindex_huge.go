package cgroups

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/daytwo/daytwo/bpf"
	"golang.org/x/sys/unix"
)

// hugeNames looks for the array hstates[] in the kernel's data: each element
// holds its name, hugepages-<size>kB, and its place is the index by which a
// hugetlb cgroup knows the size.
type hugeNames []pageName

type pageName struct {
	bytes int64
	text  []byte // NUL-terminated
	at    []uint64
}

func newHugeNames(sizes []pageSize) (h hugeNames) {
	for _, s := range sizes {
		h = append(h, pageName{bytes: s.bytes, text: append(fmt.Appendf(nil, "hugepages-%dkB", s.bytes>>10), 0)})
	}
	return h
}

func (h hugeNames) search(at uint64, window []byte) {
	for i := range h {
		n := &h[i]
		for from := 0; ; {
			k := bytes.Index(window[from:], n.text)
			if k < 0 {
				break
			}
			if a := at + uint64(from+k); !slices.Contains(n.at, a) {
				n.at = append(n.at, a)
			}
			from += k + 1
		}
	}
}

// order lists the sizes by index, or nil if that is not certain: every name is
// there once, and they stand one element apart.
func (h hugeNames) order(k *bpf.Kernel) []int64 {
	size := k.SizeOf("hstate")
	if len(h) == 0 || len(h) > bpf.MaxHugetlb || size == 0 {
		return nil
	}
	for i := range h {
		if len(h[i].at) != 1 {
			return nil
		}
	}
	slices.SortFunc(h, func(a, b pageName) int {
		if a.at[0] < b.at[0] {
			return -1
		}
		return 1
	})
	var sizes []int64
	for i := range h {
		if h[i].at[0] != h[0].at[0]+uint64(i)*size {
			return nil
		}
		sizes = append(sizes, h[i].bytes)
	}
	return sizes
}

func closePools(sizes []pageSize) {
	for _, s := range sizes {
		if s.pool >= 0 {
			unix.Close(s.pool)
		}
	}
}
