package cgroups

import (
	"strings"

	"github.com/daytwo/daytwo/api/metric"
)

// entry is what files remembers about one group.
type entry struct {
	group   *Group
	node    *node
	cpath   []byte // path below the mount, NUL-terminated
	have    uint16 // set of mounts in which the group has a directory
	born    uint32 // files.link when it was made
	link    uint32 // files.link when the group was last there
	openFDs int    // how many of its files are held open

	usage       int64   // metric.CPUUsage at the previous reading, in nanoseconds
	running     bool    // usage has changed since the previous reading
	thawed      bool    // freezer.state was THAWED when last read
	unpopulated int     // consecutive readings in which cgroup.events said "populated 0"
	last        []int64 // the last full reading, for reuseIdle; nil unless descriptors are short

	blkcg uint64 // serial of its directory in v1's blkio hierarchy; set only by a BPF walk

	file  []fileState // by index into files.specs
	cache []int64     // values of files that are not read on every tick: see spec.cacheAt
	io    []ioDevice
	huge  [][hugeWidth]int64 // by page size, in the order of files.sizes
}

// fileState is what is known about one file of one group.
type fileState struct {
	fd    int32 // descriptor that is held open, -1 if there is none
	state uint8 // unknown, missing or valid
}

const (
	unknown uint8 = iota
	missing       // did not exist, or could not be read, when last tried
	valid         // was read, and entry.cache has its values
)

// relink finds the entry of every group of s. It makes entries for new groups and
// drops those of groups that are gone.
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
		file: make([]fileState, len(f.specs)), cache: make([]int64, f.cacheLen), huge: make([][hugeWidth]int64, len(f.sizes))}
	if g.Path == "/" {
		e.cpath = []byte(".\x00")
	}
	f.reset(e)
	return e
}

// reset forgets what was read. It does not close descriptors: e must hold none.
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

// wasRead reports whether every file of a part was read.
func (f *files) wasRead(e *entry, p Part) bool {
	for k := range f.specs {
		if f.specs[k].parts.Has(p) && e.file[k].state != valid {
			return false
		}
	}
	return true
}
