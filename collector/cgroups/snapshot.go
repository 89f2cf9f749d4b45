package cgroups

import "github.com/daytwo/daytwo/api/metric"

// Group is one cgroup, from its creation to its removal. On v1 and hybrid machines
// the directories with the same path in all hierarchies are one Group. A cgroup
// that is renamed, or made again at the same path, is a new Group. The exported
// fields of a Group never change.
type Group struct {
	ID   uint64 // unique in this process, from 1, never reused
	Path string // from the root of the hierarchy, the kernel's raw bytes; the root is "/"
	Name string // Path as valid UTF-8: each invalid byte is shown as \xNN
	// Inode is the kernfs id of the directory in the first hierarchy that has it
	// (the cgroup id of BPF). It is not reused until the next boot.
	Inode   uint64
	started int64 // Unix nanoseconds, 0 if not known yet: see type starts
}

// Device is the number of a block device.
type Device struct{ Major, Minor uint32 }

// IORow says which group and device a row of Snapshot.IOVals belongs to.
type IORow struct {
	Group  int32 // index into Snapshot.Groups
	Device Device
}

// HugetlbRow says which group and page size a row of Snapshot.HugetlbVals belongs to.
type HugetlbRow struct {
	Group int32 // index into Snapshot.Groups
	Size  int64 // bytes of one page
}

// Snapshot is one reading of every cgroup. All slices belong to the Reader. The
// Reader's next Read overwrites the lists (Groups, IO, Hugetlb). The values (Vals,
// IOVals, HugetlbVals) stay valid until the Read after that one. Values are stored
// row by row, as in frame.Table, in the units of the metric catalogue. A value that
// the kernel does not provide is metric.Absent.
type Snapshot struct {
	Gen         uint64 // changes whenever Groups differs from the previous reading
	Groups      []*Group
	Vals        []int64 // len(Groups) * metric.Width(metric.Container)
	IOGen       uint64  // changes whenever IO differs from the previous reading
	IO          []IORow
	IOVals      []int64 // len(IO) * metric.Width(metric.ContainerIO)
	HugetlbGen  uint64  // changes whenever Hugetlb differs from the previous reading
	Hugetlb     []HugetlbRow
	HugetlbVals []int64 // len(Hugetlb) * metric.Width(metric.ContainerHugetlb)
}

// Row returns the values of group i. The slice shares memory with s.Vals.
func (s *Snapshot) Row(i int) []int64 {
	w := metric.Width(metric.Container)
	return s.Vals[i*w : (i+1)*w : (i+1)*w]
}

// Part is a set of metrics that are always read the same way: all by BPF, or all
// from files.
type Part uint8

const (
	PartGroups  Part = iota // which cgroups exist
	PartCPU                 // usage, user, system, throttling, weight, quota
	PartMemory              // counters, limits, events
	PartStat                // memory.stat
	PartPids                // pids.*
	PartTasks               // processes, threads, frozen, populated
	PartPSI                 // pressure
	PartIO                  // io per device
	PartHugetlb             // hugetlb per page size
	NumParts
)

// partNames are the names of the parts in logs and reports.
var partNames = [NumParts]string{"groups", "cpu", "memory", "memory.stat", "pids", "tasks", "pressure", "io", "hugetlb"}

func (p Part) String() string { return partNames[p] }

// Parts is a set of Part, one bit each.
type Parts uint16

// AllParts is the set of every part.
const AllParts Parts = 1<<NumParts - 1

// Has reports whether p is in the set.
func (s Parts) Has(p Part) bool { return s&(1<<p) != 0 }

// Status says how one part is read, and why.
type Status struct {
	Part   Part
	Reader string // "bpf", "files" or "none"
	Reason string // why not by BPF, or why not at all; for "bpf" the exceptions; may be ""
}
