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
// They are certain if there is exactly one row of all names that are one struct
// hstate apart. A name may be found by itself elsewhere, too: pages of the kernel's
// image that it freed after the boot hold other data by now, such as names of
// files, or this program's own memory.
func (h hugeNames) order(k *bpf.Kernel) []int64 {
	return h.row(k.SizeOf("hstate"))
}

func (h hugeNames) row(size uint64) (sizes []int64) {
	if len(h) == 0 || len(h) > bpf.MaxHugetlb || size == 0 {
		return nil
	}
	for i := range h {
		for _, at := range h[i].at {
			found := h.rowAt(at, size)
			if found != nil && sizes != nil {
				return nil
			}
			if found != nil {
				sizes = found
			}
		}
	}
	return sizes
}

// rowAt returns the page sizes of the row that begins at an address, or nil if none
// does.
func (h hugeNames) rowAt(at, size uint64) (sizes []int64) {
	for i := range h {
		here := at + uint64(i)*size
		j := slices.IndexFunc(h, func(n pageName) bool { return slices.Contains(n.at, here) })
		if j < 0 || slices.Contains(sizes, h[j].bytes) {
			return nil
		}
		sizes = append(sizes, h[j].bytes)
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
