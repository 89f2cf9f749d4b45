package cgroups

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bpf"
)

// walk reads every cgroup by BPF: each hierarchy is walked on its own, and the
// directories of one path are one group. Walking allocates nothing while no
// group comes or goes.
//
// The root group is the machine: the kernel keeps its numbers elsewhere than
// those of other cgroups, so its row is read from files, but for memory.stat.
//
// PSI totals are what the kernel last added up. It does so every two seconds
// for a group that has stalls, and once more when it comes to rest; reading the
// text makes it do so at once. So these columns may lag the text by two seconds.
type walk struct {
	layout *Layout
	kernel *bpf.Kernel
	trees  []*walkTree
	parts  Parts
	reason [NumParts]string
	flush  *bpf.Flusher
	stat   *statIndex
	huge   []int64 // page size of each hugetlb index; nil: not known
	has    walkFiles

	root      *files
	rootEntry *entry
	rootParts Parts

	join   walkJoin
	io     []IORow // of the reading before
	absent []int64
}

const (
	walkRoom   = 1024                   // cgroups and io rows that there is room for at first
	walkBudget = 350 * time.Microsecond // of holding cgroup_mutex in one run
)

// newWalk loads the programs. The error says what is missing, if they cannot
// run here.
func newWalk(l *Layout) (*walk, error) {
	k, err := bpf.LoadKernel()
	if err != nil {
		return nil, err
	}
	w := &walk{layout: l, kernel: k, stat: &statIndex{}}
	w.absent = make([]int64, metric.Width(metric.Container))
	for c := range w.absent {
		w.absent[c] = metric.Absent
	}
	if err := w.open(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *walk) open() error {
	l := w.layout
	if len(l.Mounts) > maxMounts {
		return fmt.Errorf("%d cgroup hierarchies are mounted: at most %d are read", len(l.Mounts), maxMounts)
	}
	w.has = findWalkFiles(w.kernel, l)
	w.learn()
	w.choose()
	for _, m := range rankMounts(l) {
		t := &walkTree{mount: m, parts: w.partsOf(m), byMark: map[uint64]*walkNode{}}
		t.options = bpf.WalkOptions{Dir: l.Mounts[m].Dir, V2: l.Mounts[m].V2, PidsLocal: w.has.pidsLocal,
			Parts: t.parts, Records: walkRoom, IOs: 1, Budget: walkBudget}
		if t.parts.IO {
			t.options.IOs = walkRoom
		}
		if err := t.load(w.kernel); err != nil {
			return err
		}
		w.trees = append(w.trees, t)
	}
	w.join.open(l, w.trees)
	if w.parts.Has(PartCPU) || w.parts.Has(PartMemory) || w.parts.Has(PartIO) {
		unified := l.V2 >= 0 && (l.Mode == "unified" || w.v2(l.CPUAcct) || w.v2(l.CPU))
		f, err := bpf.NewFlusher(bpf.Flush{Unified: unified, Memory: l.Memory >= 0, IO: w.v2(l.IO)})
		if err != nil {
			return err
		}
		w.flush = f
	}
	return w.openRoot()
}

func (w *walk) v2(m int) bool { return w.layout.v2(m) }

// openRoot prepares to read the machine's own row.
func (w *walk) openRoot() (err error) {
	if w.root, err = newFiles(w.layout); err != nil {
		return err
	}
	w.rootParts = w.parts & (1<<PartCPU | 1<<PartMemory | 1<<PartPSI | 1<<PartTasks)
	if w.v2(w.layout.IO) {
		w.rootParts |= w.parts & (1 << PartIO)
	}
	w.root.perGroup = w.root.budget
	w.rootEntry = w.root.newEntry(&Group{Path: "/"})
	for _, m := range w.root.rank {
		w.rootEntry.have |= 1 << m
	}
	w.root.parts, w.root.fresh = w.rootParts, true
	return nil
}

// Parts are the parts that BPF can serve on this kernel.
func (w *walk) Parts() Parts { return w.parts }

// Reason says why BPF cannot serve a part.
func (w *walk) Reason(p Part) string { return w.reason[p] }

// Walk reads everything that it can into s. What belongs to other parts is
// absent.
func (w *walk) Walk(s *Snapshot) error {
	if w.flush != nil {
		if err := w.flush.Flush(); err != nil {
			return fmt.Errorf("flush cgroup counters: %w", err)
		}
	}
	changed := false
	for _, t := range w.trees {
		c, err := t.walk(w.kernel)
		if err != nil {
			return fmt.Errorf("walk hierarchy %s: %w", w.layout.Mounts[t.mount].Dir, err)
		}
		changed = changed || c
	}
	if changed || s.Gen == 0 {
		w.join.rebuild(w.layout, w.trees)
	}
	if s.Gen != w.join.gen {
		s.Gen = w.join.gen
		s.Groups = append(s.Groups[:0], w.join.groups...)
	}
	n := len(s.Groups) * len(w.absent)
	if cap(s.Vals) < n {
		s.Vals = make([]int64, n, n+n/4)
	}
	s.Vals = s.Vals[:n]
	for i := range s.Groups {
		copy(s.Row(i), w.absent)
	}
	for _, t := range w.trees {
		w.fill(t, s)
	}
	w.fillRoot(s)
	w.fillIO(s)
	w.fillHugetlb(s)
	for i, g := range s.Groups {
		s.Row(i)[metric.Created] = g.Created / 1e9
	}
	return nil
}

// fillRoot reads the machine's own row from files.
func (w *walk) fillRoot(s *Snapshot) {
	if len(s.Groups) == 0 || w.rootParts == 0 {
		return
	}
	for k := range w.rootEntry.io {
		w.rootEntry.io[k].seen = false
	}
	w.root.readFiles(w.rootEntry, s.Row(0), 0, 0)
	w.root.fresh = false
}

// Close detaches and unloads all programs.
func (w *walk) Close() error {
	var errs []error
	for _, t := range w.trees {
		if t.walk0 != nil {
			errs = append(errs, t.walk0.Close())
		}
	}
	if w.flush != nil {
		errs = append(errs, w.flush.Close())
	}
	if w.root != nil {
		if w.rootEntry != nil {
			w.root.closeAll(w.rootEntry)
		}
		errs = append(errs, w.root.Close())
	}
	w.trees, w.flush, w.root = nil, nil, nil
	return errors.Join(errs...)
}

// choose decides which parts BPF serves, and says why not of the others.
func (w *walk) choose() {
	l := w.layout
	w.parts = 1 << PartGroups
	serve := func(p Part, why string) {
		if w.reason[p] = why; why == "" {
			w.parts |= 1 << p
		}
	}
	none := func(m int) string {
		if m < 0 {
			return "no hierarchy has it"
		}
		return ""
	}
	serve(PartCPU, none(max(l.CPU, l.CPUAcct, l.V2)))
	serve(PartPids, none(l.Pids))
	why := none(l.Memory)
	if why == "" {
		why = w.stat.why
	}
	serve(PartMemory, why)
	serve(PartStat, why)
	switch why = none(l.V2); {
	case why != "":
	case w.kernel.PSIStates == 0:
		why = "the kernel has no pressure accounting (CONFIG_PSI)"
	}
	serve(PartPSI, why)
	switch why = none(l.IO); {
	case why == "" && !w.v2(l.IO):
		why = "blkio of cgroup v1 sums over children when its files are read"
	}
	serve(PartIO, why)
	switch why = none(l.Hugetlb); {
	case why != "":
	case w.huge == nil:
		why = "which page size has which index in the kernel is not known"
	}
	serve(PartHugetlb, why)
	switch {
	case l.Mode != "unified":
		why = "freezer.state of cgroup v1 changes when it is read"
	default:
		why = ""
	}
	serve(PartTasks, why)
}

// partsOf says what to record of the hierarchy at mount m.
func (w *walk) partsOf(m int) bpf.Parts {
	l := w.layout
	v2 := w.v2(m)
	return bpf.Parts{
		Base:     m == l.V2 && (w.v2(l.CPU) || l.CPUAcct < 0 || w.v2(l.CPUAcct)),
		Sched:    m == l.CPU && w.kernel.HasField("task_group", "cfs_bandwidth"),
		CPUAcct:  m == l.CPUAcct && !v2,
		Memory:   m == l.Memory && w.parts.Has(PartMemory),
		MemoryV1: m == l.Memory && w.parts.Has(PartMemory) && !v2,
		Stat:     m == l.Memory && w.parts.Has(PartStat),
		Pids:     m == l.Pids,
		PSI:      m == l.V2 && w.parts.Has(PartPSI),
		Tasks:    m == l.V2 && w.parts.Has(PartTasks),
		Hugetlb:  m == l.Hugetlb && w.parts.Has(PartHugetlb),
		IO:       m == l.IO && w.parts.Has(PartIO),
	}
}

// fillIO lists the rows of io, the root's first.
func (w *walk) fillIO(s *Snapshot) {
	if !w.parts.Has(PartIO) {
		return
	}
	w.io = append(w.io[:0], s.IO...)
	s.IO, s.IOVals = s.IO[:0], s.IOVals[:0]
	for k := range w.rootEntry.io {
		if d := &w.rootEntry.io[k]; d.seen && len(s.Groups) > 0 {
			s.IO = append(s.IO, IORow{Group: 0, Device: d.dev})
			s.IOVals = append(s.IOVals, d.raw[:]...)
		}
	}
	for _, t := range w.trees {
		if !t.parts.IO {
			continue
		}
		for k := range t.walk0.IOs() {
			io := &t.walk0.IOs()[k]
			n := t.slots[io.Group]
			if n == nil || n.parent == nil {
				continue
			}
			s.IO = append(s.IO, IORow{Group: n.group.row, Device: Device{io.Major, io.Minor}})
			s.IOVals = append(s.IOVals, int64(io.Bytes[0]), int64(io.Bytes[1]), int64(io.Ios[0]), int64(io.Ios[1]), int64(io.Bytes[2]), int64(io.Ios[2]))
		}
	}
	if s.IOGen == 0 || !slices.Equal(w.io, s.IO) {
		s.IOGen++
	}
}
