package collector

import (
	"slices"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/collector/cgroups"
)

// childKey identifies a row that belongs to a container's row: one block device,
// huge page size or network interface of that container.
type childKey struct {
	parent uint64 // ID of the container's row
	a, b   int64  // numbers that distinguish it from the parent's other rows; 0 if name does
	name   string // the name that does; "" if the numbers do
}

// childRows holds the rows of one kind that belong to containers' rows.
type childRows struct {
	nextID func() uint64
	rows   []*frame.Row
	keys   []childKey // keys[i] identifies rows[i]
	gen    uint64     // changes whenever rows does

	seen [2]uint64 // gens of the last update
	made bool      // update has run since the last reset
}

// update rebuilds the rows if n or gens differ from those of the last update; gens
// are the generations of the set of rows and of their parents. key returns the key
// of row i, labels its name and labels.
func (c *childRows) update(n int, gens [2]uint64,
	key func(i int) childKey, labels func(i int) (string, []frame.Label)) {
	if c.made && c.seen == gens && len(c.rows) == n {
		return
	}
	c.made, c.seen = true, gens
	// Usually a single container started or ended: only the rows between the first
	// and the last difference are looked up.
	lo, end, most := 0, 0, min(n, len(c.keys))
	for lo < most && key(lo) == c.keys[lo] {
		lo++
	}
	for end < most-lo && key(n-1-end) == c.keys[len(c.keys)-1-end] {
		end++
	}
	old := len(c.keys) - end
	if lo == n-end && lo == old {
		return
	}
	was := make(map[childKey]*frame.Row, old-lo)
	for i := lo; i < old; i++ {
		was[c.keys[i]] = c.rows[i]
	}
	keys, rows := make([]childKey, 0, n-end-lo), make([]*frame.Row, 0, n-end-lo)
	for i := lo; i < n-end; i++ {
		k := key(i)
		row := was[k]
		if row == nil {
			name, ls := labels(i)
			slices.SortFunc(ls, func(a, b frame.Label) int { return strings.Compare(a.Name, b.Name) })
			row = &frame.Row{ID: c.nextID(), Parent: k.parent, Key: name, Labels: ls}
		}
		keys, rows = append(keys, k), append(rows, row)
	}
	c.keys, c.rows = slices.Replace(c.keys, lo, old, keys...), slices.Replace(c.rows, lo, old, rows...)
	c.gen++
}

// reset drops all rows: the next update makes new ones.
func (c *childRows) reset() {
	c.rows, c.keys, c.made = nil, nil, false
	c.gen++
}

// deviceLabels returns the key and the labels of a block device's row. A device
// without a name is called MAJOR:MINOR.
func deviceLabels(d cgroups.Device, name string) (string, []frame.Label) {
	major, minor := strconv.FormatUint(uint64(d.Major), 10), strconv.FormatUint(uint64(d.Minor), 10)
	if name == "" {
		name = major + ":" + minor
	}
	return name, []frame.Label{
		{Name: "device", Value: name}, {Name: "major", Value: major}, {Name: "minor", Value: minor},
	}
}

// pageLabels maps a huge page size in bytes to the labels that every container's
// row of that size shares.
type pageLabels map[int64][]frame.Label

// of returns the key and the labels of rows of a huge page size in bytes.

func (p *pageLabels) of(bytes int64) (string, []frame.Label) {
	ls := (*p)[bytes]
	if ls == nil {
		ls = []frame.Label{{Name: "pagesize", Value: pageSize(bytes)}}
		if *p == nil {
			*p = pageLabels{}
		}
		(*p)[bytes] = ls
	}
	return ls[0].Value, ls
}

// pageSize formats a huge page size in bytes as the kernel's file names do: 2MB, 1GB.
func pageSize(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return strconv.FormatInt(bytes>>30, 10) + "GB"
	case bytes >= 1<<20:
		return strconv.FormatInt(bytes>>20, 10) + "MB"
	}
	return strconv.FormatInt(bytes>>10, 10) + "KB"
}
