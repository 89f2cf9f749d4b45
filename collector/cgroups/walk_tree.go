package cgroups

import (
	"errors"
	"fmt"
	"strings"

	"github.com/daytwo/daytwo/bpf"
)

// walkTree is the BPF walk of one hierarchy, and the directories that it found.
type walkTree struct {
	mount   int       // index into Layout.Mounts
	rank    int       // index into walk.trees
	parts   bpf.Parts // what is recorded of this hierarchy
	options bpf.WalkOptions
	prog    *bpf.Walk // the loaded program

	slots    []*walkNode // by record number
	n        int         // number of records of the last complete walk
	bySerial map[uint64]*walkNode
	seen     uint32 // number of the current walk: see walkNode.seen
}

// walkNode is one directory, until it is removed or renamed.
type walkNode struct {
	serial uint64 // number of the cgroup, not reused until the next boot
	inode  uint64
	above  uint64 // serial of the parent directory's cgroup
	parent *walkNode
	name   string
	path   string
	group  *walkGroup
	seen   uint32 // walkTree.seen of the last walk that found it
}

// load loads the program, with arrays of the sizes in t.options. It replaces the
// program that was loaded before.
func (t *walkTree) load(k *bpf.Kernel) error {
	if t.prog != nil {
		if err := t.prog.Close(); err != nil {
			return err
		}
		t.prog = nil
	}
	w, err := k.NewWalk(t.options)
	k.Release()
	if err != nil {
		return err
	}
	t.prog = w
	// The new arrays are empty: the program writes every name again.
	clear(t.slots)
	t.n = 0
	return nil
}

var errUnnamed = errors.New("cgroups deeper than the walk can resume at changed too fast")

// walk visits the hierarchy and reports whether its directories changed. If the
// arrays are too small, it loads the program again with larger ones.
func (t *walkTree) walk(k *bpf.Kernel) (changed bool, err error) {
	for range 8 {
		c, whole, err := t.visit()
		changed = changed || c
		if err != nil {
			return changed, err
		}
		records, ios := t.prog.Count(), t.prog.IOCount()
		switch {
		case records > t.options.Records || ios > t.options.IOs:
			t.options.Records = max(t.options.Records, records+records/2)
			t.options.IOs = max(t.options.IOs, ios+ios/2)
			if err := t.load(k); err != nil {
				return changed, err
			}
		case whole:
			return t.finish(changed)
		}
	}
	return changed, errUnnamed
}

// visit runs the walk to its end and takes over the names of new directories. whole
// is false if the array of names was too small for all of them.
func (t *walkTree) visit() (changed, whole bool, err error) {
	w := t.prog
	w.Restart()
	whole = true
	for done := false; !done; {
		if done, err = w.Next(); err != nil {
			return changed, false, err
		}
		whole = whole && w.Complete()
		if n := min(w.Count(), w.Room()); n > len(t.slots) {
			t.slots = append(t.slots, make([]*walkNode, n+n/4-len(t.slots))...)
		}
		for i := range w.Names() {
			record, name := w.Name(i)
			t.slots[record] = t.node(w.Head(record), name)
			changed = true
		}
	}
	return changed, whole, nil
}

// node returns the directory of a record whose name the walk wrote. It makes a new
// one if the cgroup is new or was renamed.
func (t *walkTree) node(h *bpf.Head, name []byte) *walkNode {
	n := t.bySerial[h.Serial]
	if n != nil && n.name == string(name) {
		return n
	}
	n = &walkNode{serial: h.Serial, inode: h.Id, above: h.Parent, name: string(name)}
	if h.Level == 0 {
		n.name = ""
	}
	t.bySerial[h.Serial] = n
	return n
}

// finish links the directories of a complete walk to their parents, and forgets
// those that are gone. It reports whether the directories changed.
func (t *walkTree) finish(changed bool) (bool, error) {
	n := t.prog.Count()
	if !changed && n == t.n {
		return false, nil
	}
	// Slots beyond n are not cleared, because the program does not clear its
	// records there either: when a later walk finds the same directory at the same
	// place again, it does not write the name a second time.
	t.n = n
	t.seen++
	for i, node := range t.slots[:n] {
		if now := t.bySerial[node.serial]; now == nil {
			t.bySerial[node.serial] = node
		} else if now != node {
			node, t.slots[i] = now, now
		}
		if i == 0 {
			node.path = "/"
		} else if parent := t.bySerial[node.above]; parent == nil {
			return true, fmt.Errorf("cgroup %d has no parent in the walk", node.inode)
		} else if node.parent != parent {
			if node.parent != nil { // a directory above it was renamed
				node = &walkNode{serial: node.serial, inode: node.inode, above: node.above, name: node.name}
				t.slots[i], t.bySerial[node.serial] = node, node
			}
			node.parent = parent
			node.path = strings.TrimSuffix(parent.path, "/") + "/" + node.name
		}
		node.seen = t.seen
	}
	for serial, node := range t.bySerial {
		if node.seen != t.seen {
			delete(t.bySerial, serial)
		}
	}
	return true, nil
}
