package cgroups

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bpf"
)

// walk reads every cgroup by BPF. It walks each hierarchy on its own, and joins the
// directories with the same path into one group. A walk allocates nothing while no
// group is made or removed.
//
// The root group stands for the whole machine. The kernel does not keep its values
// where it keeps those of other cgroups, so its row is read from files, except for
// memory.stat.
//
// PSI totals are those that the kernel added up last (kernel/sched/psi.c). It adds
// them up every two seconds for a group with stalls, once more when the stalls end,
// and whenever a pressure file is read. So these columns may be up to two seconds
// behind the text.
type walk struct {
	layout *Layout
	kernel *bpf.Kernel
	trees  []*walkTree
	parts  Parts
	reason [NumParts]string // see Reason
	note   [NumParts]string // see Note
	flush  *bpf.Flusher     // nil: no part needs it
	stat   *statIndex
	huge   []int64 // bytes of a page by hugetlb index; nil: not known
	has    kernelFiles

	files walkFiles // groups and parts that are read from files
	join  walkJoin

	io     []IORow // Snapshot.IO of the previous reading
	absent []int64 // an empty row
}

const (
	walkRoom   = 1024                   // initial length of the arrays of cgroups and io rows
	walkBudget = 350 * time.Microsecond // longest time that one run may hold cgroup_mutex
)

// newWalk loads the programs. If they cannot run here, the error says what is
// missing.
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
	defer k.Release()
	if err := w.open(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// open decides what BPF reads, and loads the programs for it.
func (w *walk) open() error {
	l := w.layout
	if len(l.Mounts) > maxMounts {
		return fmt.Errorf("%d cgroup hierarchies are mounted: at most %d are read", len(l.Mounts), maxMounts)
	}
	w.has = findKernelFiles(w.kernel, l)
	w.learn()
	w.choose()
	for rank, m := range rankMounts(l) {
		t := &walkTree{mount: m, rank: rank, parts: w.partsOf(m), bySerial: map[uint64]*walkNode{}}
		t.options = bpf.WalkOptions{Dir: l.Mounts[m].Dir, V2: l.Mounts[m].V2, PidsLocal: w.has.pidsLocal,
			Parts: t.parts, Counting: l.Mode == "unified", Records: walkRoom, IOs: 1, Budget: walkBudget}
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
	return w.openFiles()
}

// v2 reports whether mount m is cgroup v2.
func (w *walk) v2(m int) bool { return w.layout.v2(m) }

// Parts returns the parts that BPF can read on this kernel.
func (w *walk) Parts() Parts { return w.parts }

// Reason returns why BPF cannot read a part, "" if it can.
func (w *walk) Reason(p Part) string { return w.reason[p] }

// Note returns for which groups a part that BPF reads is read from files all the
// same, "" if for none.
func (w *walk) Note(p Part) string { return w.note[p] }

// Walk reads the parts that BPF can read into s. The columns of other parts are
// metric.Absent.
func (w *walk) Walk(s *Snapshot) error {
	if w.flush != nil {
		if err := w.flush.Flush(); err != nil {
			return fmt.Errorf("flush cgroup counters: %w", err)
		}
	}
	if err := w.walkTrees(s.Gen == 0); err != nil {
		return err
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
	w.fill(s)
	w.readFiles(s)
	w.fillIO(s)
	w.fillHugetlb(s)
	return nil
}

// walkTrees walks every hierarchy. If directories changed, or if anew is set, it
// joins them into groups again.
func (w *walk) walkTrees(anew bool) error {
	for range maxMounts {
		for _, t := range w.trees {
			changed, err := t.walk(w.kernel)
			if err != nil {
				return fmt.Errorf("walk hierarchy %s: %w", w.layout.Mounts[t.mount].Dir, err)
			}
			anew = anew || changed
		}
		if !anew {
			return nil
		}
		w.join.rebuild(w.trees)
		if anew = false; !w.join.countTasks(w.trees) {
			return nil
		}
	}
	return nil
}

// oldest returns when the oldest task of the group in a row started, in nanoseconds
// since boot. The value dates from the first walk that found a task in the group;
// it is 0 if none has.
func (w *walk) oldest(row int) uint64 {
	r := &w.join.rows[row]
	if r.tasks == 0 {
		return 0
	}
	rank := bits.TrailingZeros16(r.tasks)
	if t := w.trees[rank]; t.parts.Tasks {
		return t.prog.Tasks(int(r.at[rank])).Oldest
	}
	return 0
}

// find returns the group at a path in the last walk, nil if there is none.
func (w *walk) find(path string) *Group {
	if g := w.join.byPath[path]; g != nil {
		return g.group
	}
	return nil
}

// Close detaches and unloads all programs.
func (w *walk) Close() error {
	var errs []error
	for _, t := range w.trees {
		if t.prog != nil {
			errs = append(errs, t.prog.Close())
		}
	}
	if w.flush != nil {
		errs = append(errs, w.flush.Close())
	}
	errs = append(errs, w.files.close())
	w.trees, w.flush = nil, nil
	return errors.Join(errs...)
}

// choose decides which parts BPF reads, and sets the reasons for the others.
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
		w.note[PartIO] = "files for groups that did io"
	}
	serve(PartIO, why)
	switch why = none(l.Hugetlb); {
	case why != "":
	case w.huge == nil:
		why = "which page size has which index in the kernel is not known"
	}
	serve(PartHugetlb, why)
	switch {
	case l.Mode == "unified":
		why = ""
	case l.Freezer >= 0 && !w.kernel.HasField("freezer", "state"):
		why = "the kernel's BTF does not describe its freezer"
	case !w.has.initPIDs:
		why = "the lists of cgroup v1 show the processes of our own PID namespace only"
	default:
		why = ""
		w.note[PartTasks] = "files for groups that are freezing, or have threads whose leader is dead or elsewhere"
	}
	serve(PartTasks, why)
}

// partsOf returns what the program records in the hierarchy at mount m.
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
		Tasks:    (m == l.V2 || l.Mode != "unified") && w.parts.Has(PartTasks),
		Freezer:  m == l.Freezer && !v2 && w.parts.Has(PartTasks),
		Hugetlb:  m == l.Hugetlb && w.parts.Has(PartHugetlb),
		IO:       m == l.IO && v2 && w.parts.Has(PartIO),
		Blkg:     m == l.IO && !v2 && w.parts.Has(PartIO),
	}
}
