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

// The parts of a record (cgroupwalk.h). Values have the kernel's own units: memory is
// in pages, times are in nanoseconds.
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

// Bits of Walk.Has: which parts the record of a cgroup has, and its freezer state
// (cgroupwalk.h).
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

// MaxHugetlb is how many sizes of huge pages a record holds at most.
const MaxHugetlb = 4

const (
	maxNames    = 1024                                     // names that one run of the program can write
	recordStart = unsafe.Offsetof(cgroupwalkRecord{}.Base) // bytes in a record before its parts
)

// Parts says what the program records in a hierarchy.
type Parts struct {
	Base, Sched, CPUAcct, Memory, MemoryV1, Stat, Pids, PSI, Tasks, Hugetlb, IO bool
	Freezer, Blkg                                                               bool // cgroup v1 only
}

// measures reports whether a record has any part to read while tasks are not counted.
func (p Parts) measures(v2 bool) bool {
	p.Tasks = p.Tasks && v2
	return p != Parts{}
}

// WalkOptions says what a Walk does.
type WalkOptions struct {
	Dir       string // mount point of the hierarchy
	V2        bool   // cgroup v2
	PidsLocal bool   // mounted with pids_localevents
	Parts     Parts
	Records   int           // length of the array of records: one for each cgroup
	IOs       int           // length of the array of io rows
	Counting  bool          // count tasks if Parts has Tasks; otherwise the counts are 0
	Budget    time.Duration // longest time that one call of Next may hold cgroup_mutex
}

// Walk visits every cgroup of one hierarchy. It is not safe for concurrent use.
type Walk struct {
	coll     *ebpf.Collection
	iter     *iterator // visits the cgroups through the kernel's cgroup iterator
	leap     *iterator // follows the records of the last walk; nil if the kernel cannot
	control  *cgroupwalkWalkControl
	mapped   [][]byte // memory to unmap in Close
	records  []byte   // the array of records
	heads    []Head   // by record
	unnamed  bool     // the array of names was too small for a name since Restart
	stride   uintptr  // bytes from one record to the next
	names    []cgroupwalkName
	ios      []IO
	room     int      // WalkOptions.Records
	statSize int      // bytes of the part that Stat returns
	at       struct { // offsets of the parts in a record
		base, sched, cpuacct, memory, memoryV1, pids, psi, tasks, hugetlb, freezer, blkg, stat uintptr
	}
}

// NewWalk loads and attaches the program for one hierarchy. If it cannot run on this
// kernel, the error says why.
func (k *Kernel) NewWalk(o WalkOptions) (*Walk, error) {
	w := &Walk{room: o.Records, statSize: 8 * (k.States + k.Events)}
	if !o.V2 && k.LocalEvents > 0 {
		w.statSize = 8 * (k.LocalEvents + k.Events)
	}
	if err := w.load(k, o); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// load loads and attaches the program, and maps its arrays.
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
	if w.iter, err = attachCgroupIter(w.coll.Programs[cgroupwalkProgWalk], int(dir.Fd()),
		cgroupIterDescendantsPre); err != nil {
		return fmt.Errorf("cgroup walk of %s (needs Linux 6.1): %w", o.Dir, err)
	}
	if leap {
		if w.leap, err = attachCgroupIter(w.coll.Programs[cgroupwalkProgLeap], int(dir.Fd()),
			cgroupIterSelfOnly); err != nil {
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

// layOut sets the offset of each part in a record, here and in the program's
// variables vars. It returns the size of a record in bytes.
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

// memory maps a BPF array until Close.
func (w *Walk) memory(name string, size, prot int) ([]byte, error) {
	b, err := mapMemory(w.coll.Maps[name], size, prot)
	if err == nil {
		w.mapped = append(w.mapped, b)
	}
	return b, err
}

// CountTasks makes all later walks count tasks, if Parts has Tasks.
func (w *Walk) CountTasks() { w.control.Counting = 1 }

// Restart makes the next call of Next begin at the root.
func (w *Walk) Restart() {
	w.control.Count, w.control.Ios, w.control.Resume = 0, 0, 0
	w.unnamed = false
}

// Next visits cgroups until all were visited (done) or the budget is used up. It
// allocates nothing. The next call overwrites the names that it wrote.
func (w *Walk) Next() (done bool, err error) {
	c := w.control
	if err = w.run(); err == nil && c.Changed != 0 {
		w.Restart() // cgroups came or went: visit the whole tree, not the records
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

// run lets the program visit cgroups once. It follows the records of the last walk if
// the kernel can, and visits the tree if that does not work.
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

// Count returns how many cgroups there are in the walk since Restart. It may be more
// than Room.
func (w *Walk) Count() int { return int(w.control.Count) }

// Room returns the length of the array of records.
func (w *Walk) Room() int { return w.room }

// Complete reports whether the last Next wrote the names of all new cgroups.
func (w *Walk) Complete() bool { return w.control.Unnamed == 0 }

// Names returns how many names the last Next wrote.
func (w *Walk) Names() int { return int(w.control.Names) }

// Name returns the i-th name that the last Next wrote, and the number of its record:
// that record now belongs to another cgroup than before.
func (w *Walk) Name(i int) (record int, name []byte) {
	n := &w.names[i]
	return int(n.Index), unsafe.Slice((*byte)(unsafe.Pointer(&n.Text[0])), min(int(n.Len), len(n.Text)))
}

// IOCount returns how many io rows there are. It may be more than len(IOs()).
func (w *Walk) IOCount() int { return int(w.control.Ios) }

// IOs returns the io rows, one for each record and device.
func (w *Walk) IOs() []IO { return w.ios[:min(w.IOCount(), len(w.ios))] }

// part returns the address at an offset in record i.
func (w *Walk) part(i int, at uintptr) unsafe.Pointer {
	return unsafe.Pointer(&w.records[uintptr(i)*w.stride+at])
}

// Head returns the identity of the cgroup of record i.
func (w *Walk) Head(i int) *Head { return &w.heads[i] }

// Has returns which parts the cgroup of record i has: bits such as HasSched.
func (w *Walk) Has(i int) uint64 {
	return *(*uint64)(w.part(i, unsafe.Offsetof(cgroupwalkRecord{}.Parts)))
}

// The following methods return the parts of record i. Each may be called only if
// WalkOptions.Parts has the part.

func (w *Walk) Base(i int) *Base        { return (*Base)(w.part(i, w.at.base)) }
func (w *Walk) Sched(i int) *Sched      { return (*Sched)(w.part(i, w.at.sched)) }
func (w *Walk) CPUAcct(i int) *CPUAcct  { return (*CPUAcct)(w.part(i, w.at.cpuacct)) }
func (w *Walk) Memory(i int) *MemCG     { return (*MemCG)(w.part(i, w.at.memory)) }
func (w *Walk) MemoryV1(i int) *MemCGV1 { return (*MemCGV1)(w.part(i, w.at.memoryV1)) }
func (w *Walk) Pids(i int) *Pids        { return (*Pids)(w.part(i, w.at.pids)) }
func (w *Walk) PSI(i int) *PSI          { return (*PSI)(w.part(i, w.at.psi)) }
func (w *Walk) Tasks(i int) *Tasks      { return (*Tasks)(w.part(i, w.at.tasks)) }
func (w *Walk) Hugetlb(i int) *Hugetlb  { return (*Hugetlb)(w.part(i, w.at.hugetlb)) }

// Stat returns memcg_vmstats.state[] followed by events[] (mm/memcontrol.c); of v1, if
// Kernel.LocalEvents is set, all of memcg_vmstats up to the end of events_local[].
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

// Visited returns how many cgroups the last Next looked at, including those that it
// skipped because they were visited before.
func (w *Walk) Visited() int { return int(w.control.Visited) }
