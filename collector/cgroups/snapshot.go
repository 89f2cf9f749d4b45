package cgroups

import "github.com/daytwo/daytwo/api/metric"

// Group is one cgroup for as long as it lives. On v1 and hybrid machines the
// directories of one path in all hierarchies are one Group. A renamed cgroup, or a
// new one of the same path, is a new Group. Its exported fields never change.
type Group struct {
	ID      uint64 // of this Group in this run, from 1, never reused
	Path    string // from the root of the hierarchy, raw bytes as the kernel has them; the root is "/"
	Name    string // Path as valid UTF-8: bytes that are not are shown as \xNN
	Inode   uint64 // kernfs id of the directory in the main hierarchy (cgroup id in BPF): unique while the machine is up
	started int64  // Unix nanoseconds, 0 if not known yet: see starts
}

// Device is the key of an io row.
type Device struct{ Major, Minor uint32 }

// IORow points a row of Snapshot.IOVals at its group and device.
type IORow struct {
	Group  int32 // index into Snapshot.Groups
	Device Device
}

// HugetlbRow points a row of Snapshot.HugetlbVals at its group and page size.
type HugetlbRow struct {
	Group int32 // index into Snapshot.Groups
	Size  int64 // bytes of one page
}

// Snapshot is one reading of every cgroup. All slices belong to the Reader. Its
// next Read overwrites the lists; the values (Vals, IOVals, HugetlbVals) it
// leaves alone, and the one after it overwrites them. Values are row by row, as
// in frame.Table; what the kernel does not offer is metric.Absent.
type Snapshot struct {
	Gen         uint64 // changes whenever Groups differs from the reading before
	Groups      []*Group
	Vals        []int64 // len(Groups) * metric.Width(metric.Container)
	IOGen       uint64  // changes whenever IO differs from the reading before
	IO          []IORow
	IOVals      []int64 // len(IO) * metric.Width(metric.ContainerIO)
	HugetlbGen  uint64
	Hugetlb     []HugetlbRow
	HugetlbVals []int64 // len(Hugetlb) * metric.Width(metric.ContainerHugetlb)
}

// Row is the values of group i, in place.
func (s *Snapshot) Row(i int) []int64 {
	w := metric.Width(metric.Container)
	return s.Vals[i*w : (i+1)*w : (i+1)*w]
}

// Part is a part of the record that one reader serves as a whole.
type Part uint8

const (
	PartGroups  Part = iota // which cgroups there are
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

var partNames = [NumParts]string{"groups", "cpu", "memory", "memory.stat", "pids", "tasks", "pressure", "io", "hugetlb"}

func (p Part) String() string { return partNames[p] }

// Parts is a set of Part.
type Parts uint16

// AllParts is every part.
const AllParts Parts = 1<<NumParts - 1

// Has tells whether p is in the set.
func (s Parts) Has(p Part) bool { return s&(1<<p) != 0 }

// Status says how one part is read, and why so.
type Status struct {
	Part   Part
	Reader string // "bpf", "files" or "none"
	Reason string // why not bpf, or why none; "" if there is nothing to say
}
