package cgroups

import (
	"cmp"
	"slices"
)

// walkFiles reads from files what the BPF walk cannot read: the row of the root
// group, and the tasks or the v1 io of some other groups.
type walkFiles struct {
	files     *files // has no tree, as the walk knows the groups
	root      *entry
	rootParts Parts        // what to read of the root
	groups    []*walkGroup // groups to read in this walk
	gen       uint64       // walkJoin.gen for which files.ents was made
}

// want marks a part of a group as one to read from files in this walk.
func (a *walkFiles) want(g *walkGroup, p Part) {
	if g.fromFiles == 0 {
		a.groups = append(a.groups, g)
	}
	g.fromFiles |= 1 << p
}

// openFiles opens the hierarchies and makes the entry of the root group.
func (w *walk) openFiles() (err error) {
	a := &w.files
	f, err := newFiles(w.layout)
	if err != nil {
		return err
	}
	a.files = f
	a.rootParts = w.parts & (1<<PartCPU | 1<<PartMemory | 1<<PartPSI | 1<<PartTasks | 1<<PartIO)
	f.perGroup = f.budget
	a.root = f.newEntry(&Group{Path: "/"})
	for _, m := range f.rank {
		a.root.have |= 1 << m
	}
	f.byPath["/"] = a.root
	f.ents = append(f.ents, a.root)
	f.fresh = true
	return nil
}

func (a *walkFiles) close() (err error) {
	if a.files != nil {
		err = a.files.Close()
	}
	a.files, a.root = nil, nil
	return err
}

// readFiles reads the root's row, and the parts of other groups that want marked.
func (w *walk) readFiles(s *Snapshot) {
	a, f := &w.files, w.files.files
	groups := a.groups
	a.groups = a.groups[:0]
	if len(s.Groups) == 0 {
		return
	}
	relink := a.gen != w.join.gen
	for _, g := range groups {
		relink = relink || g.entry == nil
	}
	if relink {
		w.relinkFiles()
	}
	f.ioRows, f.ioVals = f.ioRows[:0], f.ioVals[:0]
	f.noIO = false
	f.parts = a.rootParts
	f.readFiles(a.root, s.Row(0), 0, 0)
	f.fresh = false
	io := w.parts.Has(PartIO)
	if io {
		f.emitIO(0, a.root)
		// v1 lists a device either in every group that did io on it or, since
		// Linux 6.10, in none, until a throttle limit exists on the device. So if
		// the root lists no device, neither does any other group.
		f.noIO = !w.v2(w.layout.IO) && f.wasRead(a.root, PartIO) && len(a.root.io) == 0
	}
	slices.SortFunc(groups, func(a, b *walkGroup) int { return cmp.Compare(a.row, b.row) })
	for _, g := range groups {
		f.parts, g.fromFiles = g.fromFiles, 0
		if f.noIO {
			f.parts &^= 1 << PartIO
		}
		if f.parts == 0 {
			continue
		}
		row := s.Row(int(g.row))
		f.blank(row)
		f.readFiles(g.entry, row, ^uint16(0), ^uint16(0))
		if f.parts.Has(PartIO) {
			f.emitIO(int(g.row), g.entry)
		}
	}
}

// relinkFiles makes an entry for each group that is read from files for the first
// time, and drops those of groups that are gone, as files.relink does.
func (w *walk) relinkFiles() {
	a, f := &w.files, w.files.files
	f.link++
	a.gen = w.join.gen
	f.old, f.ents = f.ents, f.old[:0]
	f.ents = append(f.ents, a.root)
	a.root.link = f.link
	for _, g := range w.join.order {
		if g.entry != nil && g.entry.group != g.group {
			g.entry = nil // the path now belongs to another directory
		}
		if g.entry == nil && g.fromFiles != 0 {
			g.entry = f.newEntry(g.group)
			f.byPath[g.group.Path] = g.entry
		}
		e := g.entry
		if e == nil {
			continue
		}
		e.have = 0
		for _, t := range w.trees {
			if g.now&(1<<t.rank) == 0 {
				continue
			}
			e.have |= 1 << t.mount
			if t.parts.Blkg {
				e.blkcg = g.nodes[t.rank]
			}
		}
		e.link = f.link
		f.ents = append(f.ents, e)
	}
	for _, e := range f.old {
		if e.link != f.link && !w.renamed(e) {
			f.carry(e)
		}
	}
	for _, e := range f.old {
		if e.link == f.link {
			continue
		}
		f.closeAll(e)
		if f.byPath[e.group.Path] == e {
			delete(f.byPath, e.group.Path)
		}
	}
	clear(f.old)
	f.plan()
}

// renamed reports whether the directory of a group that is gone still exists under
// another name. Its io is then still in the sums of its ancestors.
func (w *walk) renamed(e *entry) bool {
	for _, t := range w.trees {
		if t.parts.Blkg && t.bySerial[e.blkcg] != nil {
			return true
		}
	}
	return false
}

// ioOf returns the io that was read from files for a group, nil if none was.
func (w *walk) ioOf(g *Group) []ioDevice {
	if w.files.files == nil {
		return nil
	}
	if e := w.files.files.byPath[g.Path]; e != nil && (e.group.ID == g.ID || e == w.files.root) {
		return e.io
	}
	return nil
}
