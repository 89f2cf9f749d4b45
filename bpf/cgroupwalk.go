package bpf

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// The parts of a record, as the kernel has them (cgroupwalk.h): pages, not
// bytes; microseconds nowhere.
type (
	Head    = cgroupwalkHead
	Base    = cgroupwalkBase
	Sched   = cgroupwalkSched
	CPUAcct = cgroupwalkCpuacctTimes
	Counter = cgroupwalkCounter
	MemCG   = cgroupwalkMemory
	MemCGV1 = cgroupwalkMemoryV1
	Pids    = cgroupwalkPids
	Tasks   = cgroupwalkTasks
	PSI     = cgroupwalkPsi
	Hugetlb = cgroupwalkHugetlb
	IO      = cgroupwalkIo
)

// Bits of what Walk.Has says: what a cgroup has (cgroupwalk.h).
const (
	HasSched = 1 << iota
	HasCPUAcct
	HasMemory
	HasPids
	HasHugetlb
	HasPSI
	HasIO
	HasFreezer
	IsFreezing
	IsFrozen
	HasBlkg
)

// MaxHugetlb is the most sizes of huge pages that a record holds.
const MaxHugetlb = 4

const (
	maxNames    = 1024
	recordStart = unsafe.Offsetof(cgroupwalkRecord{}.Base) // its parts begin here
)

// Parts says what to record of a hierarchy.
type Parts struct {
	Base, Sched, CPUAcct, Memory, MemoryV1, Stat, Pids, PSI, Tasks, Hugetlb, IO bool
	Freezer, Blkg                                                               bool // of v1
}

// measures tells whether a cgroup is looked at each time, even if its tasks are
// not counted.
func (p Parts) measures(v2 bool) bool {
	p.Tasks = p.Tasks && v2
	return p != Parts{}
}

// WalkOptions are what a Walk is made of.
type WalkOptions struct {
	Dir       string // mount point of the hierarchy
	V2        bool
	PidsLocal bool // mounted with pids_localevents
	Parts     Parts
	Records   int           // room for so many cgroups
	IOs       int           // room for so many rows of io
	Counting  bool          // count the tasks, where Parts has them; else 0
	Budget    time.Duration // how long one Next may hold cgroup_mutex
}

// Walk visits every cgroup of one hierarchy. Not for concurrent use.
type Walk struct {
	coll     *ebpf.Collection
	iter     *iterator
	leap     *iterator // nil where the kernel cannot
	control  *cgroupwalkWalkControl
	mapped   [][]byte
	records  []byte
	heads    []Head
	unnamed  bool // a name found no room since Restart
	stride   uintptr
	names    []cgroupwalkName
	ios      []IO
	room     int
	statSize int
	at       struct {
		base, sched, cpuacct, memory, memoryV1, pids, psi, tasks, hugetlb, freezer, blkg, stat uintptr
	}
}

// NewWalk loads the program for one hierarchy.
func (k *Kernel) NewWalk(o WalkOptions) (*Walk, error) {
	w := &Walk{room: o.Records, statSize: 8 * (k.States + k.Events)}
	if err := w.load(k, o); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *Walk) load(k *Kernel, o WalkOptions) error {
	spec, err := loadCgroupwalk()
	if err != nil {
		return err
	}
	vars := map[string]uint32{
		cgroupwalkVarDirect:       toU32(k.HasFunc("bpf_rdonly_cast")),
		cgroupwalkVarWithIo:       toU32(o.Parts.IO),
		cgroupwalkVarStatBytes:    uint32(w.statSize),
		cgroupwalkVarHugetlbSizes: uint32(min(k.HugetlbSizes, MaxHugetlb)),
		cgroupwalkVarV2:           toU32(o.V2),
		cgroupwalkVarPidsLocal:    toU32(o.PidsLocal),
	}
	size := w.layOut(o.Parts, vars)
	vars[cgroupwalkVarMeasures] = toU32(o.Parts.measures(o.V2))
	if o.Parts.CPUAcct {
		offsets, err := perCPUOffsets()
		if err != nil {
			return err
		}
		vars[cgroupwalkVarCpus] = uint32(len(offsets))
		m := spec.Maps[cgroupwalkMapCpuOffsets]
		m.MaxEntries = uint32(len(offsets))
		for cpu, offset := range offsets {
			m.Contents = append(m.Contents, ebpf.MapKV{Key: uint32(cpu), Value: offset})
		}
	}
	for name, v := range vars {
		if err := spec.Variables[name].Set(v); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	records := spec.Maps[cgroupwalkMapRecords]
	records.ValueSize, records.Value, records.MaxEntries = uint32(size), nil, uint32(o.Records)
	spec.Maps[cgroupwalkMapHeads].MaxEntries = uint32(o.Records)
	spec.Maps[cgroupwalkMapDirs].MaxEntries = uint32(o.Records)
	spec.Maps[cgroupwalkMapIos].MaxEntries = uint32(o.IOs)

	leap := vars[cgroupwalkVarDirect] != 0
	if !leap {
		only(spec, cgroupwalkProgWalk)
	}
	w.coll, err = ebpf.NewCollection(spec)
	if err != nil {
		return explain("cgroup walk", err)
	}
	dir, err := os.Open(o.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if w.iter, err = attachCgroupIter(w.coll.Programs[cgroupwalkProgWalk], int(dir.Fd()), cgroupIterDescendantsPre); err != nil {
		return fmt.Errorf("cgroup walk of %s (needs Linux 6.1): %w", o.Dir, err)
	}
	if leap {
		if w.leap, err = attachCgroupIter(w.coll.Programs[cgroupwalkProgLeap], int(dir.Fd()), cgroupIterSelfOnly); err != nil {
			return fmt.Errorf("cgroup walk of %s: %w", o.Dir, err)
		}
	}
	if w.records, err = w.memory(cgroupwalkMapRecords, o.Records*int(w.stride), unix.PROT_READ); err != nil {
		return err
	}
	heads, err := w.memory(cgroupwalkMapHeads, o.Records*int(unsafe.Sizeof(Head{})), unix.PROT_READ)
	if err != nil {
		return err
	}
	w.heads = unsafe.Slice((*Head)(unsafe.Pointer(&heads[0])), o.Records)
	control, err := w.memory(cgroupwalkMapControl, int(unsafe.Sizeof(*w.control)), unix.PROT_READ|unix.PROT_WRITE)
	if err != nil {
		return err
	}
	w.control = (*cgroupwalkWalkControl)(unsafe.Pointer(&control[0]))
	w.control.Budget = uint64(o.Budget)
	w.control.Counting = toU32(o.Counting)
	names, err := w.memory(cgroupwalkMapNames, maxNames*int(unsafe.Sizeof(cgroupwalkName{})), unix.PROT_READ)
	if err != nil {
		return err
	}
	w.names = unsafe.Slice((*cgroupwalkName)(unsafe.Pointer(&names[0])), maxNames)
	ios, err := w.memory(cgroupwalkMapIos, o.IOs*int(unsafe.Sizeof(IO{})), unix.PROT_READ)
	if err != nil {
		return err
	}
	w.ios = unsafe.Slice((*IO)(unsafe.Pointer(&ios[0])), o.IOs)
	return nil
}

// layOut gives each part its place in a record, and returns the record's size.
func (w *Walk) layOut(p Parts, vars map[string]uint32) uintptr {
	size := uintptr(recordStart)
	for _, part := range []struct {
		on   bool
		at   *uintptr
		name string
		size uintptr
	}{
		{p.Base, &w.at.base, cgroupwalkVarAtBase, unsafe.Sizeof(Base{})},
		{p.Sched, &w.at.sched, cgroupwalkVarAtSched, unsafe.Sizeof(Sched{})},
		{p.CPUAcct, &w.at.cpuacct, cgroupwalkVarAtCpuacct, unsafe.Sizeof(CPUAcct{})},
		{p.Memory, &w.at.memory, cgroupwalkVarAtMemory, unsafe.Sizeof(MemCG{})},
		{p.MemoryV1, &w.at.memoryV1, cgroupwalkVarAtMemoryV1, unsafe.Sizeof(MemCGV1{})},
		{p.Pids, &w.at.pids, cgroupwalkVarAtPids, unsafe.Sizeof(Pids{})},
		{p.PSI, &w.at.psi, cgroupwalkVarAtPsi, unsafe.Sizeof(PSI{})},
		{p.Tasks, &w.at.tasks, cgroupwalkVarAtTasks, unsafe.Sizeof(Tasks{})},
		{p.Hugetlb, &w.at.hugetlb, cgroupwalkVarAtHugetlb, unsafe.Sizeof(Hugetlb{})},
		{p.Freezer, &w.at.freezer, cgroupwalkVarAtFreezer, unsafe.Sizeof(cgroupwalkFreezerFrom{})},
		{p.Blkg, &w.at.blkg, cgroupwalkVarAtBlkg, unsafe.Sizeof(cgroupwalkBlkgFrom{})},
		{p.Stat, &w.at.stat, cgroupwalkVarAtStat, uintptr(w.statSize)},
	} {
		if part.on {
			*part.at, vars[part.name] = size, uint32(size)
			size += part.size
		}
	}
	w.stride = (size + 7) &^ 7
	return size
}

func (w *Walk) memory(name string, size, prot int) ([]byte, error) {
	b, err := mapMemory(w.coll.Maps[name], size, prot)
	if err == nil {
		w.mapped = append(w.mapped, b)
	}
	return b, err
}

// CountTasks makes the walks from now on count tasks, where Parts has them.
func (w *Walk) CountTasks() { w.control.Counting = 1 }

// Restart makes the next call of Next begin at the root.
func (w *Walk) Restart() {
	w.control.Count, w.control.Ios, w.control.Resume = 0, 0, 0
	w.unnamed = false
}

// Next visits cgroups until all are done or the budget is spent. It allocates
// nothing. Names written by it must be taken before the next call.
func (w *Walk) Next() (done bool, err error) {
	c := w.control
	if err = w.run(); err == nil && c.Changed != 0 {
		w.Restart() // cgroups came or went: by the tree, then
		c.Known = 0
		err = w.run()
	}
	if err != nil {
		return false, err
	}
	w.unnamed = w.unnamed || c.Unnamed != 0
	if c.Cut != 0 {
		c.Resume = 1
		return false, nil
	}
	if c.Ended == 0 {
		return false, errors.New("the walk of cgroups did not come to an end")
	}
	if c.Stands != 0 && !w.unnamed && int(c.Count) <= w.room && int(c.Dirs) <= w.room {
		c.Known = c.Count
	}
	return true, nil
}

func (w *Walk) run() (err error) {
	c := w.control
	c.Names, c.Unnamed, c.Visited, c.Cut, c.Ended, c.Matched = 0, 0, 0, 0, 0, 0
	c.Whole, c.Lost, c.Stands, c.Changed = 0, 0, 0, 0
	if w.leap == nil {
		return w.iter.run()
	}
	if err = w.leap.run(); err == nil && c.Lost != 0 {
		c.Resume, c.Ended = 1, 0
		err = w.iter.run()
	}
	return err
}

// Count is how many cgroups were visited since Restart, also beyond Room.
func (w *Walk) Count() int { return int(w.control.Count) }

// Room is how many records there is room for.
func (w *Walk) Room() int { return w.room }

// Complete tells whether every new cgroup of the last Next got its name.
func (w *Walk) Complete() bool { return w.control.Unnamed == 0 }

// Names is how many names the last Next wrote.
func (w *Walk) Names() int { return int(w.control.Names) }

// Name is the record and the name of one cgroup that is new at its place.
func (w *Walk) Name(i int) (record int, name []byte) {
	n := &w.names[i]
	return int(n.Index), unsafe.Slice((*byte)(unsafe.Pointer(&n.Text[0])), min(int(n.Len), len(n.Text)))
}

// IOCount is how many rows of io there are, also beyond len(IOs()).
func (w *Walk) IOCount() int { return int(w.control.Ios) }

// IOs are the rows of io, by record and device.
func (w *Walk) IOs() []IO { return w.ios[:min(w.IOCount(), len(w.ios))] }

func (w *Walk) part(i int, at uintptr) unsafe.Pointer {
	return unsafe.Pointer(&w.records[uintptr(i)*w.stride+at])
}

// Head says who the cgroup of record i is.
func (w *Walk) Head(i int) *Head { return &w.heads[i] }

// Has says what the cgroup of record i has: bits as HasSched.
func (w *Walk) Has(i int) uint64 {
	return *(*uint64)(w.part(i, unsafe.Offsetof(cgroupwalkRecord{}.Parts)))
}

// The parts of record i. Only those that the Walk was made with may be asked for.

func (w *Walk) Base(i int) *Base        { return (*Base)(w.part(i, w.at.base)) }
func (w *Walk) Sched(i int) *Sched      { return (*Sched)(w.part(i, w.at.sched)) }
func (w *Walk) CPUAcct(i int) *CPUAcct  { return (*CPUAcct)(w.part(i, w.at.cpuacct)) }
func (w *Walk) Memory(i int) *MemCG     { return (*MemCG)(w.part(i, w.at.memory)) }
func (w *Walk) MemoryV1(i int) *MemCGV1 { return (*MemCGV1)(w.part(i, w.at.memoryV1)) }
func (w *Walk) Pids(i int) *Pids        { return (*Pids)(w.part(i, w.at.pids)) }
func (w *Walk) PSI(i int) *PSI          { return (*PSI)(w.part(i, w.at.psi)) }
func (w *Walk) Tasks(i int) *Tasks      { return (*Tasks)(w.part(i, w.at.tasks)) }
func (w *Walk) Hugetlb(i int) *Hugetlb  { return (*Hugetlb)(w.part(i, w.at.hugetlb)) }

// Stat is memcg_vmstats.state[], followed by events[].
func (w *Walk) Stat(i int) []int64 {
	return unsafe.Slice((*int64)(w.part(i, w.at.stat)), w.statSize/8)
}

// Close detaches and unloads the program.
func (w *Walk) Close() error {
	err := errors.Join(w.iter.close(), w.leap.close())
	for _, b := range w.mapped {
		err = errors.Join(err, unix.Munmap(b))
	}
	w.mapped = nil
	if w.coll != nil {
		w.coll.Close()
	}
	return err
}

// Visited is how many cgroups the last Next saw, those passed over included.
func (w *Walk) Visited() int { return int(w.control.Visited) }
