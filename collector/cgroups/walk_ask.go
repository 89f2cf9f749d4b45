package cgroups

import (
	"cmp"
	"slices"
)

// walkAsk reads from files what BPF cannot tell: the row of the root, and of a
// few groups tasks or v1's io.
type walkAsk struct {
	files     *files // without a tree: the walk knows the groups
	root      *entry
	rootParts Parts
	groups    []*walkGroup // of this walk
	gen       uint64       // of the join whose groups files.ents are of
}

// want notes that a part of a group is to be read from files.
func (a *walkAsk) want(g *walkGroup, p Part) {
	if g.ask == 0 {
		a.groups = append(a.groups, g)
	}
	g.ask |= 1 << p
}

// openAsk prepares to read files.
func (w *walk) openAsk() (err error) {
	a := &w.ask
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

func (a *walkAsk) close() (err error) {
	if a.files != nil {
		err = a.files.Close()
	}
	a.files, a.root = nil, nil
	return err
}

// askFiles reads the root's row, and what was wanted of others.
func (w *walk) askFiles(s *Snapshot) {
	a, f := &w.ask, w.ask.files
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
		w.relinkAsked()
	}
	f.ioRows, f.ioVals = f.ioRows[:0], f.ioVals[:0]
	f.noIO = false
	f.parts = a.rootParts
	f.readFiles(a.root, s.Row(0), 0, 0)
	f.fresh = false
	io := w.parts.Has(PartIO)
	if io {
		f.emitIO(0, a.root)
		// v1 lists a device for every group that did io on it or for none:
		// for none until some throttle limit exists on it (Linux 6.10).
		f.noIO = !w.v2(w.layout.IO) && f.wasRead(a.root, PartIO) && len(a.root.io) == 0
	}
	slices.SortFunc(groups, func(a, b *walkGroup) int { return cmp.Compare(a.row, b.row) })
	for _, g := range groups {
		f.parts, g.ask = g.ask, 0
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

// relinkAsked makes the entries of groups that are asked for the first time,
// and drops those of groups that are gone, as files.relink does.
func (w *walk) relinkAsked() {
	a, f := &w.ask, w.ask.files
	f.link++
	a.gen = w.join.gen
	f.old, f.ents = f.ents, f.old[:0]
	f.ents = append(f.ents, a.root)
	a.root.link = f.link
	for _, g := range w.join.order {
		if g.entry != nil && g.entry.group != g.group {
			g.entry = nil // another directory of the same path
		}
		if g.entry == nil && g.ask != 0 {
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

// renamed tells whether the directory of a group that is gone lives on under
// another name, so that what it did is still in the sums of those above.
func (w *walk) renamed(e *entry) bool {
	for _, t := range w.trees {
		if t.parts.Blkg && t.byMark[e.blkcg] != nil {
			return true
		}
	}
	return false
}

// ioOf is what is known of the io of a group that was read from files.
func (w *walk) ioOf(g *Group) []ioDevice {
	if w.ask.files == nil {
		return nil
	}
	if e := w.ask.files.byPath[g.Path]; e != nil && (e.group.ID == g.ID || e == w.ask.root) {
		return e.io
	}
	return nil
}
