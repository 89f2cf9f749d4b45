package cgroups

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

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

	ioRows, ioBefore     []IORow
	ioVals               []int64
	hugeRows, hugeBefore []HugetlbRow
	hugeVals             []int64
}

// entry is what is kept of one group.
type entry struct {
	group *Group
	node  *node
	cpath []byte
	have  uint16
	born  uint32 // link at which it was made
	link  uint32 // link at which it was last seen
	kept  int    // descriptors

	usage   int64   // cpuacct.usage of the reading before
	running bool    // it has changed since
	thawed  bool    // freezer.state said THAWED
	idle    int     // readings in a row in which cgroup.events said that there is no task
	last    []int64 // the last full reading, where not every one is (see resting)

	file []fileState
	keep []int64 // values of files that are not read every tick
	io   []ioDevice
	huge [][hugeWidth]int64
}

type fileState struct {
	fd    int32 // -1: not kept
	state uint8
}

const (
	unknown uint8 = iota
	missing       // not there when last tried
	valid         // was read, and keep has its values
)

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
	f.fresh = f.parts != parts // a part that was not read may have missed a change
	f.parts = parts
	f.tick++
	f.lookAtPools()
	f.ioRows, f.ioBefore, f.ioVals = f.ioBefore[:0], f.ioRows, f.ioVals[:0]
	f.hugeRows, f.hugeBefore, f.hugeVals = f.hugeBefore[:0], f.hugeRows, f.hugeVals[:0]
	f.noIO = false
	for i, e := range f.ents {
		row := s.Row(i)
		f.blank(row)
		if n := e.node; n != nil {
			e.have = n.have
			written, probe := n.written, n.probe
			n.written, n.probe = 0, 0
			if written|probe != 0 || e.have&^n.watched != 0 || !f.resting(i, e, row) {
				f.readFiles(e, row, written|^n.watched, probe)
				f.remember(e, row)
			}
		}
		if parts.Has(PartGroups) {
			row[metric.Created] = e.group.Created / 1e9
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

// relink finds the entry of every group, makes those of new ones and drops
// those that are gone.
func (f *files) relink(s *Snapshot) {
	f.link++
	f.old, f.ents = f.ents, f.old[:0]
	for _, g := range s.Groups {
		e := f.byPath[g.Path]
		if e == nil || e.group != g {
			e = f.newEntry(g)
			f.byPath[g.Path] = e
		}
		e.node = f.tree.lookup(g.Path)
		e.link = f.link
		f.ents = append(f.ents, e)
	}
	for _, e := range f.old {
		if e.link != f.link {
			f.carry(e)
		}
	}
	for _, e := range f.old {
		if e.link != f.link {
			f.closeAll(e)
			if f.byPath[e.group.Path] == e {
				delete(f.byPath, e.group.Path)
			}
		}
	}
	clear(f.old)
	f.gen, f.treeGen = s.Gen, f.tree.gen
	f.plan()
}

func (f *files) newEntry(g *Group) *entry {
	e := &entry{group: g, born: f.link, cpath: append([]byte(strings.TrimPrefix(g.Path, "/")), 0),
		file: make([]fileState, len(f.specs)), keep: make([]int64, f.keep), huge: make([][hugeWidth]int64, len(f.sizes))}
	if g.Path == "/" {
		e.cpath = []byte(".\x00")
	}
	f.reset(e)
	return e
}

// reset forgets what was read, without a look at descriptors.
func (f *files) reset(e *entry) {
	for k := range e.file {
		e.file[k] = fileState{fd: -1}
	}
	for k := range e.huge {
		for c := range e.huge[k] {
			e.huge[k][c] = metric.Absent
		}
	}
	e.io = e.io[:0]
}

// wasRead tells whether every file of a part was read.
func (f *files) wasRead(e *entry, p Part) bool {
	for k := range f.specs {
		if f.specs[k].parts.Has(p) && e.file[k].state != valid {
			return false
		}
	}
	return true
}

// readFiles reads the files of one group. written and probe are sets of
// mounts: those in which values may have been set, and those in which files
// may have come or gone.
func (f *files) readFiles(e *entry, row []int64, written, probe uint16) {
	for k := range e.io {
		e.io[k].seen = false
	}
	for k := range f.specs {
		sp, st := &f.specs[k], &e.file[k]
		bit := uint16(1) << sp.mount
		if f.parts&sp.parts == 0 || e.have&bit == 0 || e.have&sp.unless != 0 || sp.parts.Has(PartIO) && f.noIO {
			continue
		}
		if st.state == missing && probe&bit == 0 && !f.fresh {
			continue
		}
		if st.state == valid && written&bit == 0 && !f.fresh && f.unchanged(e, sp, st, row) {
			for i, c := range sp.keepCols() {
				row[c] = e.keep[sp.keep+i]
			}
			if k == f.populated && row[metric.Populated] == 0 {
				e.idle++
			}
			continue
		}
		if k == f.populated {
			e.idle = 0
		}
		if sp.list && f.empty(e, sp, row) {
			row[sp.cols[0]] = 0
			continue
		}
		f.readFile(e, k, row)
	}
}

// idleFor is after how many readings without a task a group counts as idle:
// the last task counts as gone a moment before it is, and its exit still uses
// time; and the kernel reports the change up to 10 ms late.
const idleFor = 3

// unchanged tells whether a file that was read still says the same.
func (f *files) unchanged(e *entry, sp *spec, st *fileState, row []int64) bool {
	switch sp.class {
	case live:
		return sp.tasks && e.idle >= idleFor
	case limit:
		return true
	case event:
		return st.fd >= 0 // the kernel reports it only while the inode is in memory
	case pool:
		return f.sizes[sp.size].empty
	case follow:
		return !e.running && (sp.mount == f.l.CPUAcct || row[metric.CPUQuota] == metric.Unlimited)
	case state:
		return e.thawed
	}
	return false
}

// empty tells whether a group is known to hold no task, so that its lists need
// not be read.
func (f *files) empty(e *entry, sp *spec, row []int64) bool {
	if f.l.Mounts[sp.mount].V2 {
		return row[metric.Populated] == 0
	}
	return sp.mount == f.l.Pids && row[metric.PidsCurrent] == 0
}

func (f *files) readFile(e *entry, k int, row []int64) {
	sp, st := &f.specs[k], &e.file[k]
	b, errno := f.load(e, k)
	switch errno {
	case 0:
	case syscall.ENOENT, syscall.EOPNOTSUPP, syscall.EACCES, syscall.EPERM, syscall.EINVAL:
		st.state = missing
	default:
		st.state = unknown // ENODEV: the group or the file went just now
	}
	if errno != 0 {
		if sp.parts.Has(PartHugetlb) {
			f.forgetHuge(e, sp)
		}
		return
	}
	st.state = valid
	if sp.list {
		row[sp.cols[0]] = f.lines
		return
	}
	sp.parse(f, e, row, b)
	if sp.cols != nil && sp.cols[0] == metric.CPUUsage {
		e.running, e.usage = row[metric.CPUUsage] != e.usage, row[metric.CPUUsage]
	}
	for i, c := range sp.keepCols() {
		e.keep[sp.keep+i] = row[c]
	}
}

// serves tells whether a hierarchy has files of a part.
func (f *files) serves(p Part) bool {
	if p == PartGroups {
		return true
	}
	return slices.ContainsFunc(f.specs, func(s spec) bool { return s.parts.Has(p) })
}
