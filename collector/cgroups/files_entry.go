package cgroups

import (
	"strings"

	"github.com/daytwo/daytwo/api/metric"
)

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

	blkcg uint64 // serial of its directory of v1's io, where a walk knows it

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
