package cgroups

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/daytwo/daytwo/bpf"
	"golang.org/x/sys/unix"
)

// hugeNames searches the kernel's data for the array hstates[] (mm/hugetlb.c). Each
// of its elements contains a name, hugepages-<size>kB. The index of an element is
// also the index of that page size in a hugetlb cgroup.
type hugeNames []pageName

// pageName is the name of one page size, and where it was found.
type pageName struct {
	bytes int64    // of a page
	text  []byte   // NUL-terminated
	at    []uint64 // kernel addresses
}

func newHugeNames(sizes []pageSize) (h hugeNames) {
	for _, s := range sizes {
		h = append(h, pageName{bytes: s.bytes, text: append(fmt.Appendf(nil, "hugepages-%dkB", s.bytes>>10), 0)})
	}
	return h
}

// search searches a window of kernel memory, which begins at address at, for the names.
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

// order returns the page sizes in bytes by index, or nil if they are not certain.
// They are certain if every name was found exactly once, and the names are one
// struct hstate apart.
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

// closePools closes the descriptors of sizes.
func closePools(sizes []pageSize) {
	for _, s := range sizes {
		if s.pool >= 0 {
			unix.Close(s.pool)
		}
	}
}
