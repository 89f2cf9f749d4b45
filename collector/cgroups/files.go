package cgroups

import (
	"fmt"
	"slices"

	"github.com/daytwo/daytwo/api/metric"
	"golang.org/x/sys/unix"
)

// files reads cgroups from the kernel's text files. Reading allocates nothing while
// no group is made or removed.
//
// Limits, weights and v2's *.events files are read when inotify reports that they
// changed, and when the rolling scan (see tree) comes to their directory. In a
// directory that inotify does not watch, they are read on every tick. So the next
// tick after a write shows the new value. Only changes that the kernel itself makes
// to *.events may be reported up to 10 ms late (CGROUP_FILE_NOTIFY_MIN_INTV in
// kernel/cgroup/cgroup.c).
type files struct {
	l          *Layout
	roots      []int // directory descriptors of the mounts, -1 for those not read
	rank       []int // see rankMounts
	specs      []spec
	cacheLen   int        // length of entry.cache
	eventsSpec int        // index of cgroup.events in specs, -1 if there is none
	usageSpec  int        // index of the file with metric.CPUUsage in specs, -1 if there is none
	sizes      []pageSize // sizes of huge pages
	tree       *tree      // nil until the first Read

	ents    []*entry // one for each group of the last Read, in the order of Snapshot.Groups
	old     []*entry // entries before the last relink
	byPath  map[string]*entry
	gen     uint64 // Snapshot.Gen for which ents was made
	treeGen uint64 // tree.gen for which ents was made
	link    uint32 // number of calls of relink

	noIO     bool   // v1: the kernel lists no device in any group
	parts    Parts  // parts that the current Read reads
	fresh    bool   // read every file, even if its value is cached
	holdNone bool   // close every file after reading it
	tick     uint32 // number of the current Read

	budget   int  // most files that may be held open
	perGroup int  // most files that may be held open in one group
	openFDs  int  // files that are held open
	short    bool // perGroup is less than plentyFDs

	buf, path []byte
	lines     int64   // number of lines of the list read last
	absent    []int64 // an empty row
	scratch   []int64 // a row for reuseIdle

	// previousIO, if set, returns the v1 io of a group as the BPF walk showed it (see
	// ioDevice). The next Read calls it for every group, and then clears it.
	previousIO func(*Group) []ioDevice

	// Rows of this Read and of the previous one, whose values are still shown.
	ioRows, ioBefore     []IORow
	ioVals, ioShown      []int64
	hugeRows, hugeBefore []HugetlbRow
	hugeVals, hugeShown  []int64
}

const (
	reserveFDs = 2048  // descriptors left to the rest of the process
	mostFDs    = 32768 // most files held open: each takes a page of kernel memory (seq_file)
)

// newFiles opens the hierarchies. It fails if none can be opened, or if more than
// maxMounts are mounted.
func newFiles(l *Layout) (*files, error) {
	if len(l.Mounts) > maxMounts {
		return nil, fmt.Errorf("%d cgroup hierarchies are mounted: at most %d are read", len(l.Mounts), maxMounts)
	}
	f := &files{l: l, rank: rankMounts(l), byPath: map[string]*entry{}, buf: make([]byte, 64<<10),
		path: make([]byte, 0, unix.PathMax)}
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
	f.specs, f.cacheLen = b.specs, b.cacheLen
	f.specs = slices.DeleteFunc(f.specs, func(s spec) bool { return f.roots[s.mount] < 0 })
	f.eventsSpec = slices.IndexFunc(f.specs, func(s spec) bool { return string(s.name) == "cgroup.events\x00" })
	f.usageSpec = slices.IndexFunc(f.specs, func(s spec) bool { return len(s.cols) > 0 && s.cols[0] == metric.CPUUsage })
	f.scratch = make([]int64, metric.Width(metric.Container))
	f.absent = make([]int64, metric.Width(metric.Container))
	for c := range f.absent {
		f.absent[c] = metric.Absent
	}
	// The Go runtime has raised the soft limit to the hard limit.
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil {
		n := int64(min(lim.Cur, mostFDs+reserveFDs))
		f.budget = int(max(n-reserveFDs, n/4))
	}
	return f, nil
}

// Close closes every descriptor.
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

// Read fills the columns and rows of parts. If parts has PartGroups, it also finds
// the groups and sets s.Groups; otherwise it reads the groups in s.Groups.
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
	if f.previousIO != nil {
		f.takeOverIO()
	}
	f.fresh = f.parts != parts // a part that was not read last time may have changed unnoticed
	f.parts = parts
	f.tick++
	f.checkPools()
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
				probe |= ^n.parent.watched // a write to its cgroup.subtree_control adds or removes files here
			}
			if written|probe&e.have != 0 || e.have&^n.watched != 0 || !f.reuseIdle(i, e, row) {
				f.readFiles(e, row, written|^n.watched, probe)
				f.remember(e, row)
			}
		}
		if parts.Has(PartIO) {
			f.emitIO(i, e)
			if i == 0 {
				// v1 lists a device either in every group that did io on it or, since
				// Linux 6.10, in none, until a throttle limit exists on the device. So
				// if the root lists no device, neither does any other group.
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

// groups sets s.Groups to the tree's groups, and makes s.Vals long enough for them.
func (f *files) groups(s *Snapshot) {
	t := f.tree
	if !f.parts.Has(PartGroups) && len(s.Groups) > 0 {
		t.adopt(s.Groups) // until now the BPF walk made the groups
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

// blank sets the columns of f.parts to metric.Absent.
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

// serves reports whether any hierarchy has files of a part.
func (f *files) serves(p Part) bool {
	if p == PartGroups {
		return true
	}
	return slices.ContainsFunc(f.specs, func(s spec) bool { return s.parts.Has(p) })
}
