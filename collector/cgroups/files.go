package cgroups

import (
	"fmt"
	"slices"

	"github.com/daytwo/daytwo/api/metric"
	"golang.org/x/sys/unix"
)

// files reads cgroups from the kernel's text files. Reading allocates nothing
// while no group comes or goes.
//
// What people set (limits, weights) and v2's *.events files are read when
// inotify says that they changed, and in turn by the rolling scan; in a
// directory that inotify does not watch they are read every tick. A write
// between two ticks is always seen by the second; only an event that the kernel
// itself reports may come up to 10 ms late (CGROUP_FILE_NOTIFY_MIN_INTV).
type files struct {
	l         *Layout
	roots     []int // directory descriptors of the mounts, -1 for those not read
	rank      []int // see rankMounts
	specs     []spec
	keep      int // length of entry.keep
	populated int // index of cgroup.events in specs, -1 if there is none
	used      int // index of the file with cpu.usage in specs, -1 if there is none
	sizes     []pageSize
	tree      *tree // nil until the first Read

	ents    []*entry // of the groups of the last Read, in their order
	old     []*entry
	byPath  map[string]*entry
	gen     uint64 // Snapshot.Gen of ents
	treeGen uint64
	link    uint32 // count of links

	noIO  bool  // no group has io to show
	parts Parts // of the reading under way
	fresh bool  // read every file, whatever is remembered
	scrap bool  // keep no descriptor
	tick  uint32

	budget, perGroup, kept int
	scarce                 bool // too few descriptors to keep the files of a group open

	buf, path []byte
	lines     int64 // of the list read last
	absent    []int64
	scratch   []int64

	// heir tells once what another reader knows of v1's sums (see steady).
	heir func(*Group) []ioDevice

	ioRows, ioBefore     []IORow
	ioVals, ioShown      []int64
	hugeRows, hugeBefore []HugetlbRow
	hugeVals, hugeShown  []int64
}

const (
	reserveFDs = 2048  // for the rest of the collector
	mostFDs    = 32768 // each holds a page of kernel memory (seq_file)
)

// newFiles opens the hierarchies.
func newFiles(l *Layout) (*files, error) {
	if len(l.Mounts) > maxMounts {
		return nil, fmt.Errorf("%d cgroup hierarchies are mounted: at most %d are read", len(l.Mounts), maxMounts)
	}
	f := &files{l: l, rank: rankMounts(l), byPath: map[string]*entry{}, buf: make([]byte, 64<<10), path: make([]byte, 0, unix.PathMax)}
	f.roots = make([]int, len(l.Mounts))
	for m := range f.roots {
		f.roots[m] = -1
	}
	var first error
	for _, m := range f.rank {
		fd, err := unix.Open(l.Mounts[m].Dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			if first == nil {
				first = fmt.Errorf("open hierarchy %s: %w", l.Mounts[m].Dir, err)
			}
			continue
		}
		f.roots[m] = fd
	}
	f.rank = slices.DeleteFunc(f.rank, func(m int) bool { return f.roots[m] < 0 })
	if len(f.rank) == 0 {
		return nil, first
	}
	f.sizes = pageSizes()
	b := buildSpecs(l, f.sizes)
	f.specs, f.keep = b.specs, b.keep
	f.specs = slices.DeleteFunc(f.specs, func(s spec) bool { return f.roots[s.mount] < 0 })
	f.populated = slices.IndexFunc(f.specs, func(s spec) bool { return string(s.name) == "cgroup.events\x00" })
	f.used = slices.IndexFunc(f.specs, func(s spec) bool { return len(s.cols) > 0 && s.cols[0] == metric.CPUUsage })
	f.scratch = make([]int64, metric.Width(metric.Container))
	f.absent = make([]int64, metric.Width(metric.Container))
	for c := range f.absent {
		f.absent[c] = metric.Absent
	}
	// The Go runtime has raised the soft limit to the hard one.
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil {
		n := int64(min(lim.Cur, mostFDs+reserveFDs))
		f.budget = int(max(n-reserveFDs, n/4))
	}
	return f, nil
}

// Close gives back every descriptor.
func (f *files) Close() error {
	for _, e := range f.byPath {
		f.closeAll(e)
	}
	if f.tree != nil {
		f.tree.close()
	}
	for _, fd := range f.roots {
		if fd >= 0 {
			closeFD(fd)
		}
	}
	for _, p := range f.sizes {
		if p.pool >= 0 {
			closeFD(p.pool)
		}
	}
	f.byPath, f.ents, f.roots, f.sizes = nil, nil, nil, nil
	return nil
}

// Read fills the columns and rows of parts. With PartGroups it also says which
// groups there are; else it reads those that s has.
func (f *files) Read(s *Snapshot, parts Parts) error {
	if f.tree == nil {
		t, err := newTree(f.l, f.roots, f.rank, true)
		if err != nil {
			return err
		}
		f.tree = t
	} else {
		f.tree.sync()
	}
	if parts.Has(PartGroups) {
		f.groups(s)
	}
	if s.Gen != f.gen || f.tree.gen != f.treeGen || len(s.Groups) != len(f.ents) {
		f.relink(s)
	}
	if f.heir != nil {
		f.inherit()
	}
	f.fresh = f.parts != parts // a part that was not read may have missed a change
	f.parts = parts
	f.tick++
	f.lookAtPools()
	f.ioRows, f.ioBefore = f.ioBefore[:0], f.ioRows
	f.ioVals, f.ioShown = f.ioShown[:0], f.ioVals
	f.hugeRows, f.hugeBefore = f.hugeBefore[:0], f.hugeRows
	f.hugeVals, f.hugeShown = f.hugeShown[:0], f.hugeVals
	f.noIO = false
	for i, e := range f.ents {
		row := s.Row(i)
		f.blank(row)
		if n := e.node; n != nil {
			e.have = n.have
			written, probe := n.written, n.probe
			n.written, n.probe = 0, 0
			if n.parent != nil {
				probe |= ^n.parent.watched // it may give and take files unseen
			}
			if written|probe&e.have != 0 || e.have&^n.watched != 0 || !f.resting(i, e, row) {
				f.readFiles(e, row, written|^n.watched, probe)
				f.remember(e, row)
			}
		}
		if parts.Has(PartIO) {
			f.emitIO(i, e)
			if i == 0 {
				// v1 lists a device for every group or for none: for none
				// until some throttle limit exists on it (Linux 6.10).
				f.noIO = e.group.Path == "/" && !f.l.v2(f.l.IO) && f.wasRead(e, PartIO) && len(e.io) == 0
			}
		}
		if parts.Has(PartHugetlb) {
			f.emitHugetlb(i, e)
		}
	}
	if parts.Has(PartIO) {
		s.IO, s.IOVals = f.ioRows, f.ioVals
		if !slices.Equal(f.ioRows, f.ioBefore) || s.IOGen == 0 {
			s.IOGen++
		}
	}
	if parts.Has(PartHugetlb) {
		s.Hugetlb, s.HugetlbVals = f.hugeRows, f.hugeVals
		if !slices.Equal(f.hugeRows, f.hugeBefore) || s.HugetlbGen == 0 {
			s.HugetlbGen++
		}
	}
	return nil
}

// groups hands the tree's groups to the snapshot.
func (f *files) groups(s *Snapshot) {
	t := f.tree
	if !f.parts.Has(PartGroups) && len(s.Groups) > 0 {
		t.adopt(s.Groups) // another reader named them until now
	}
	if f.treeGen != t.gen || !f.parts.Has(PartGroups) {
		s.Gen++
	}
	s.Groups = t.groups
	w := metric.Width(metric.Container)
	if n := len(s.Groups) * w; cap(s.Vals) < n {
		s.Vals = make([]int64, n, n+n/4)
	} else {
		s.Vals = s.Vals[:n]
	}
}

// blank marks the columns of the parts to read as absent.
func (f *files) blank(row []int64) {
	if f.parts == AllParts {
		copy(row, f.absent)
		return
	}
	for c := range row {
		if f.parts.Has(columnParts[c]) {
			row[c] = metric.Absent
		}
	}
}

// serves tells whether a hierarchy has files of a part.
func (f *files) serves(p Part) bool {
	if p == PartGroups {
		return true
	}
	return slices.ContainsFunc(f.specs, func(s spec) bool { return s.parts.Has(p) })
}
