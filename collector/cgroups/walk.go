package cgroups

import (
	"errors"
	"fmt"
	"math/bits"
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
	note   [NumParts]string
	flush  *bpf.Flusher
	stat   *statIndex
	huge   []int64 // page size of each hugetlb index; nil: not known
	has    walkFiles

	ask  walkAsk
	join walkJoin

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
	defer k.Release()
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
	for rank, m := range rankMounts(l) {
		t := &walkTree{mount: m, rank: rank, parts: w.partsOf(m), byMark: map[uint64]*walkNode{}}
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
	return w.openAsk()
}

func (w *walk) v2(m int) bool { return w.layout.v2(m) }

// Parts are the parts that BPF can serve on this kernel.
func (w *walk) Parts() Parts { return w.parts }

// Reason says why BPF cannot serve a part.
func (w *walk) Reason(p Part) string { return w.reason[p] }

// Note says for which groups a part that is served is read from files.
func (w *walk) Note(p Part) string { return w.note[p] }

// Walk reads everything that it can into s. What belongs to other parts is
// absent.
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
	w.askFiles(s)
	w.fillIO(s)
	w.fillHugetlb(s)
	return nil
}

// walkTrees walks every hierarchy and joins their directories, if any changed.
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

// oldest tells when the oldest task of a row's group started, as it was when the
// walk first found a task there, in nanoseconds since boot; 0 if it has found none.
func (w *walk) oldest(row int) uint64 {
	r := &w.join.rows[row]
	if r.tasks == 0 {
		return 0
	}
	rank := bits.TrailingZeros16(r.tasks)
	if t := w.trees[rank]; t.parts.Tasks {
		return t.walk0.Tasks(int(r.at[rank])).Oldest
	}
	return 0
}

// find returns the group of a path in the last walk, nil if there is none.
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
		if t.walk0 != nil {
			errs = append(errs, t.walk0.Close())
		}
	}
	if w.flush != nil {
		errs = append(errs, w.flush.Close())
	}
	errs = append(errs, w.ask.close())
	w.trees, w.flush = nil, nil
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
		why = "the kernel's BTF does not tell about its freezer"
	case !w.has.initPIDs:
		why = "the lists of cgroup v1 show the processes of our own PID namespace only"
	default:
		why = ""
		w.note[PartTasks] = "files for groups that are freezing, or have threads whose leader is dead or elsewhere"
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
		Tasks:    (m == l.V2 || l.Mode != "unified") && w.parts.Has(PartTasks),
		Freezer:  m == l.Freezer && !v2 && w.parts.Has(PartTasks),
		Hugetlb:  m == l.Hugetlb && w.parts.Has(PartHugetlb),
		IO:       m == l.IO && v2 && w.parts.Has(PartIO),
		Blkg:     m == l.IO && !v2 && w.parts.Has(PartIO),
	}
}
